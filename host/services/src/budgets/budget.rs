//! The token budget of one run, and what one call of a model takes from it.
//!
//! Tokens are first estimated from the bytes of the messages and the answer, and corrected once the
//! model reports its usage. So an answer ends where the budget ends, whether or not its upstream
//! counts tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hayrick_types::chunk::{Chunk, Usage};
use hayrick_types::clock::Clock;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::plugin::ModelGrant;

use crate::budgets::day::{DAY, DayUse, day_of};

/// Bytes of text per token: about four characters of English, by OpenAI's rule of thumb.
/// Whatever a model reads has one token at least.
pub const TOKEN_BYTES: usize = 4;

/// What one run may use. A cheap handle.
#[derive(Clone)]
pub struct Budget {
    run_tokens: Arc<AtomicU64>,
    day: Arc<DayUse>,
    run_tokens_max: Option<u64>,
    day_tokens_max: Option<u64>,
    clock: Clock,
}

impl Budget {
    pub(super) fn new(grant: &ModelGrant, day: Arc<DayUse>, clock: Clock) -> Budget {
        let ModelGrant {
            run_tokens_max,
            day_tokens_max,
            ..
        } = *grant;
        Budget {
            run_tokens: Arc::default(),
            day,
            run_tokens_max,
            day_tokens_max,
            clock,
        }
    }

    /// Tokens that are left.
    ///
    /// # Errors
    /// `Limit`, if there are none; for a daily budget, with the time until the next day.
    pub fn left(&self) -> Result<u64, Failure> {
        self.room().map(|(left, _)| left)
    }

    /// Tokens that are left, and the limit that leaves no more, if one does.
    fn room(&self) -> Result<(u64, Option<LimitName>), Failure> {
        let now = (self.clock)();
        let of_run = self.run_tokens_max.map_or(u64::MAX, |max| {
            max.saturating_sub(self.run_tokens.load(Ordering::Relaxed))
        });
        let of_day = self.day_tokens_max.map_or(u64::MAX, |max| {
            max.saturating_sub(self.day.tokens(day_of(now)))
        });
        match (of_run, of_day, self.run_tokens_max, self.day_tokens_max) {
            (0, _, Some(max), _) => Err(spent(LimitName::RunTokensMax, max)),
            (_, 0, _, Some(max)) => Err(spent(LimitName::DayTokensMax, max)
                .retry_after(Duration::from_millis(DAY - now % DAY))),
            (_, _, Some(_), _) if of_run <= of_day => Ok((of_run, Some(LimitName::RunTokensMax))),
            (_, _, _, Some(_)) => Ok((of_day, Some(LimitName::DayTokensMax))),
            _ => Ok((u64::MAX, None)),
        }
    }

    /// Begins a call with `bytes` of messages.
    ///
    /// # Errors
    /// As [`Budget::left`]; also if the messages alone need more than is left.
    pub fn ask(&self, bytes: usize) -> Result<Charge, Failure> {
        let tokens = tokens_in(bytes as u64);
        let (left, limit) = self.room()?;
        if tokens > left {
            let text = format!(
                "the messages have about {tokens} tokens, but the plugin's budget has fewer left: shorten them"
            );
            let failure = Failure::new(FailureKind::Limit, text);
            return Err(Failure { limit, ..failure });
        }
        self.change(tokens, 0);
        Ok(Charge {
            budget: self.clone(),
            asked: tokens,
            charged: tokens,
            answer_bytes: 0,
        })
    }

    fn change(&self, more: u64, less: u64) {
        // The counter is too low at most by what is given back at the same moment.
        let _ = self
            .run_tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| {
                Some(tokens.saturating_add(more).saturating_sub(less))
            });
        self.day.change(day_of((self.clock)()), more, less);
    }
}

/// About how many tokens a text of so many bytes has.
pub fn tokens_in(bytes: u64) -> u64 {
    bytes.div_ceil(TOKEN_BYTES as u64)
}

fn spent(limit: LimitName, max: u64) -> Failure {
    let text = format!(
        "the plugin has used up {limit}, {max} tokens: ask the operator to raise it in its policy file"
    );
    Failure::new(FailureKind::Limit, text).limit(limit)
}

/// The tokens of one call so far.
pub struct Charge {
    budget: Budget,
    asked: u64,
    charged: u64,
    answer_bytes: u64,
}

impl Charge {
    /// Counts a piece of the answer.
    ///
    /// # Errors
    /// `Limit`, once the budget is used up.
    pub fn chunk(&mut self, chunk: &Chunk) -> Result<(), Failure> {
        if let Chunk::Usage(usage) = chunk {
            // The answer is there and paid for: what it used beyond the estimate counts against the
            // next call.
            self.settle(usage);
            return Ok(());
        }
        self.answer_bytes += chunk.len() as u64;
        let tokens = self.asked + tokens_in(self.answer_bytes);
        if tokens > self.charged {
            self.budget.left()?;
            self.set(tokens);
        }
        Ok(())
    }

    /// Replaces the estimate by the model's own count.
    pub fn settle(&mut self, usage: &Usage) {
        self.set(usage.tokens());
    }

    fn set(&mut self, tokens: u64) {
        self.budget.change(
            tokens.saturating_sub(self.charged),
            self.charged.saturating_sub(tokens),
        );
        self.charged = tokens;
    }
}
