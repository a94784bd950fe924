//! The circuit breaker of one upstream: after several failures in a row it lets nothing through for
//! a while, then one request on trial.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How soon it is worth asking again while a request is on trial.
const TRIAL_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Closed, open or half-open.
pub(crate) struct Breaker {
    failures_max: u32,
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One request is on trial.
    HalfOpen,
}

/// A request that the breaker let through and whose outcome it needs. Dropped without an outcome, it
/// says nothing about the upstream.
pub(crate) struct Trial {
    breaker: Arc<Breaker>,
    /// Whether this is the request on trial.
    awaited: bool,
}

impl Breaker {
    pub(crate) fn new(failures_max: u32, open_for: Duration) -> Arc<Breaker> {
        Arc::new(Breaker {
            failures_max,
            open_for,
            state: Mutex::new(State::Closed { failures: 0 }),
        })
    }

    /// Whether a request would be refused now, and for how long.
    pub(crate) fn shut_for(&self) -> Option<Duration> {
        shut_for(*self.state())
    }

    /// Lets a request through.
    ///
    /// # Errors
    /// The breaker is open; the time until it is worth asking again.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Trial, Duration> {
        let mut state = self.state();
        if let Some(rest) = shut_for(*state) {
            return Err(rest);
        }
        let awaited = matches!(*state, State::Open { .. });
        if awaited {
            *state = State::HalfOpen;
        }
        Ok(Trial {
            breaker: Arc::clone(self),
            awaited,
        })
    }

    /// The name of the state: `closed`, `open` or `half-open`.
    pub(crate) fn name(&self) -> &'static str {
        match *self.state() {
            State::Closed { .. } => "closed",
            State::Open { until } if until > Instant::now() => "open",
            State::Open { .. } | State::HalfOpen => "half-open",
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, awaited: bool) {
        let mut state = self.state();
        let failures = match *state {
            State::Closed { failures } => failures.saturating_add(1),
            State::HalfOpen if awaited => self.failures_max,
            // A request from before the breaker opened adds nothing new.
            State::Open { .. } | State::HalfOpen => return,
        };
        let opens = failures >= self.failures_max;
        *state = if opens {
            State::Open {
                until: Instant::now() + self.open_for,
            }
        } else {
            State::Closed { failures }
        };
    }
}

fn shut_for(state: State) -> Option<Duration> {
    match state {
        State::Closed { .. } => None,
        State::Open { until } => {
            Some(until.saturating_duration_since(Instant::now())).filter(|rest| !rest.is_zero())
        }
        State::HalfOpen => Some(TRIAL_RETRY_AFTER),
    }
}

impl Trial {
    /// The first token came. A long answer must not keep the breaker half-open, but neither does a
    /// first token prove that answers end well.
    pub(crate) fn answering(&mut self) {
        if std::mem::take(&mut self.awaited) {
            *self.breaker.state() = State::Closed { failures: 0 };
        }
    }

    /// The request succeeded.
    pub(crate) fn succeeded(mut self) {
        self.answering();
        let mut state = self.breaker.state();
        if matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
    }

    /// The request failed.
    pub(crate) fn failed(mut self) {
        self.breaker.fail(std::mem::take(&mut self.awaited));
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if self.awaited {
            // Nothing was learnt, for instance because the client hung up: the next request is on
            // trial.
            *self.breaker.state() = State::Open {
                until: Instant::now(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(10);

    fn opened() -> Arc<Breaker> {
        let breaker = Breaker::new(2, OPEN);
        breaker.admit().ok().unwrap().failed();
        breaker.admit().ok().unwrap().failed();
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_a_trial_closes_it() {
        let breaker = opened();
        assert_eq!(
            (breaker.name(), breaker.admit().err()),
            ("open", Some(OPEN))
        );
        tokio::time::advance(OPEN).await;
        assert_eq!(breaker.name(), "half-open");
        let mut trial = breaker.admit().ok().unwrap();
        assert_eq!(breaker.admit().err(), Some(TRIAL_RETRY_AFTER));
        trial.answering();
        assert!(breaker.admit().is_ok());
        trial.succeeded();
        assert_eq!(breaker.name(), "closed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_fails_opens_it_again() {
        let breaker = opened();
        tokio::time::advance(OPEN).await;
        breaker.admit().ok().unwrap().failed();
        assert_eq!(breaker.shut_for(), Some(OPEN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_trial_makes_room_for_the_next() {
        let breaker = opened();
        tokio::time::advance(OPEN).await;
        drop(breaker.admit().ok().unwrap());
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_in_between_starts_the_count_again() {
        let breaker = Breaker::new(2, OPEN);
        let late = breaker.admit().ok().unwrap();
        breaker.admit().ok().unwrap().failed();
        breaker.admit().ok().unwrap().succeeded();
        breaker.admit().ok().unwrap().failed();
        assert_eq!(breaker.name(), "closed");
        late.failed();
        assert_eq!(breaker.name(), "open");
    }
}
