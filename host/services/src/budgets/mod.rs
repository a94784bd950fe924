//! How many tokens each pipeline has taken from the models, and how many it may: of one run, and of
//! one day (UTC).
//!
//! Counting is in memory; what a day has taken is written behind, so that a restart forgets no more
//! than the last second.

pub mod budget;
mod day;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hayrick_types::clock::Clock;
use hayrick_types::settings::plugin::ModelGrant;
use tokio::time::{MissedTickBehavior, interval};

use crate::budgets::budget::Budget;
use crate::budgets::day::{DayUse, day_of};
use crate::database::Database;
use crate::database::error::DatabaseError;

/// Between two writes of what was taken.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// What every pipeline has taken today. A cheap handle.
#[derive(Clone)]
pub struct Budgets {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    clock: Clock,
    by_pipeline: Mutex<HashMap<String, Arc<DayUse>>>,
}

impl Budgets {
    /// What this file says of today.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open(database: Database, clock: Clock) -> Result<Budgets, DatabaseError> {
        let today = day_of(clock());
        let taken = database
            .read(move |connection| Ok::<_, DatabaseError>(store::taken(connection, today)?))
            .await?;
        let by_pipeline = taken
            .into_iter()
            .map(|(pipeline, tokens)| (pipeline, Arc::new(DayUse::new(today, tokens))))
            .collect();
        Ok(Budgets {
            inner: Arc::new(Inner {
                database,
                clock,
                by_pipeline: Mutex::new(by_pipeline),
            }),
        })
    }

    /// The budget of a run that begins; `None` where nothing bounds it, so that nothing has to be
    /// counted.
    pub fn begin(&self, pipeline: &str, grant: &ModelGrant) -> Option<Budget> {
        if grant.run_tokens_max.is_none() && grant.day_tokens_max.is_none() {
            return None;
        }
        let mut by_pipeline = self
            .inner
            .by_pipeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let day = by_pipeline.entry(pipeline.to_owned()).or_default();
        Some(Budget::new(
            grant,
            Arc::clone(day),
            Arc::clone(&self.inner.clock),
        ))
    }

    /// Writes what was taken since the last time.
    ///
    /// # Errors
    /// The store failed; the next call tries again.
    pub async fn flush(&self) -> Result<(), DatabaseError> {
        let uses: Vec<(String, Arc<DayUse>)> = {
            let by_pipeline = self
                .inner
                .by_pipeline
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            by_pipeline
                .iter()
                .filter(|(_, day)| day.is_unwritten())
                .map(|(name, day)| (name.clone(), Arc::clone(day)))
                .collect()
        };
        for (pipeline, day) in uses {
            let (date, tokens) = day.written();
            let write = self.inner.database.write(move |connection| {
                Ok::<_, DatabaseError>(store::put(connection, &pipeline, date, tokens)?)
            });
            if let Err(error) = write.await {
                day.not_written();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Flushes every second, for ever.
    pub async fn flush_loop(self) {
        let mut ticks = interval(FLUSH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, "what models were asked for today is not on disk yet");
            }
        }
    }
}

#[cfg(test)]
mod tests;
