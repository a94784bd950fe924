//! What plugins remember between runs: durable entries by key, each pipeline's its own, in bounds.

pub mod config;
pub mod error;
mod store;

use std::time::Duration;

use hayrick_types::clock::Clock;
use hayrick_types::settings::state::StateQuota;
use hayrick_types::state::Entry;

use crate::database::Database;
use crate::state::config::StateConfig;
use crate::state::error::StateError;
use crate::state::store::Write;

/// Keys that are listed at a time.
const LIST_MAX: u32 = 1000;
/// Expired entries that are removed in one go: their values are read once more for that, and other
/// writes wait.
const SWEEP_CHUNK: usize = 64;

/// The entries of all pipelines. A cheap handle.
#[derive(Clone)]
pub struct State {
    database: Database,
    config: StateConfig,
    clock: Clock,
}

impl State {
    /// State in this file.
    pub fn new(database: Database, config: StateConfig, clock: Clock) -> State {
        State {
            database,
            config,
            clock,
        }
    }

    /// The same entries under another quota: that of one pipeline.
    pub fn within(&self, quota: StateQuota) -> State {
        State {
            config: StateConfig {
                quota,
                ..self.config
            },
            ..self.clone()
        }
    }

    /// None if there is no such key, or its time is over.
    ///
    /// # Errors
    /// The key is too long, or the store failed.
    pub async fn get(&self, pipeline: &str, key: &str) -> Result<Option<Entry>, StateError> {
        self.check_key(key)?;
        let (pipeline, key, now) = (pipeline.to_owned(), key.to_owned(), (self.clock)());
        self.database
            .read(move |connection| Ok(store::get(connection, &pipeline, &key, now)?))
            .await
    }

    /// Writes, and returns the new revision once it is on disk. Without `ttl` the entry stays.
    ///
    /// # Errors
    /// The key, the value or the time is too long, the pipeline remembers as much as it may, or the
    /// store failed.
    pub async fn set(
        &self,
        pipeline: &str,
        key: &str,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> Result<u64, StateError> {
        let now = (self.clock)();
        let (write, config) = (self.checked(pipeline, key, value, ttl, now)?, self.config);
        self.database
            .write(move |connection| store::put(connection, &write, &config, now))
            .await
    }

    /// Whether there was such a key.
    ///
    /// # Errors
    /// The key is too long, or the store failed.
    pub async fn delete(&self, pipeline: &str, key: &str) -> Result<bool, StateError> {
        self.check_key(key)?;
        let (pipeline, key, now) = (pipeline.to_owned(), key.to_owned(), (self.clock)());
        self.database
            .write(move |connection| Ok(store::delete(connection, &pipeline, &key, now)?))
            .await
    }

    /// Keys that begin with `prefix`, in the order of their bytes, those after `after`; 1000 at
    /// most.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        pipeline: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StateError> {
        let (pipeline, prefix, after, now) = (
            pipeline.to_owned(),
            prefix.to_owned(),
            after.map(str::to_owned),
            (self.clock)(),
        );
        let limit = usize::try_from(limit.min(LIST_MAX)).unwrap_or(usize::MAX);
        let query = move |connection: &_| {
            store::keys(connection, &pipeline, &prefix, after.as_deref(), limit, now)
        };
        self.database
            .read(move |connection| Ok(query(connection)?))
            .await
    }

    /// Writes if the entry still has the revision `expected`, or is absent where `expected` is
    /// none; the new revision, or none if another write came first.
    ///
    /// # Errors
    /// As [`State::set`].
    pub async fn compare_and_set(
        &self,
        pipeline: &str,
        key: &str,
        expected: Option<u64>,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, StateError> {
        let now = (self.clock)();
        let (write, config) = (self.checked(pipeline, key, value, ttl, now)?, self.config);
        let operation = move |connection: &_| {
            if store::revision(connection, &write.pipeline, &write.key, now)? != expected {
                return Ok(None);
            }
            store::put(connection, &write, &config, now).map(Some)
        };
        self.database.write(operation).await
    }

    /// Frees the space of entries whose time is over, a few at a time, so that other writes go
    /// between. Returns how many it were.
    ///
    /// # Errors
    /// The store failed; what was removed before stays so.
    pub async fn sweep(&self) -> Result<u64, StateError> {
        let now = (self.clock)();
        let mut swept = 0;
        loop {
            let chunk = self
                .database
                .write(move |connection| {
                    store::sweep(connection, SWEEP_CHUNK, now).map_err(StateError::from)
                })
                .await?;
            swept += chunk as u64;
            if chunk < SWEEP_CHUNK {
                return Ok(swept);
            }
        }
    }

    fn checked(
        &self,
        pipeline: &str,
        key: &str,
        value: Vec<u8>,
        ttl: Option<Duration>,
        now: u64,
    ) -> Result<Write, StateError> {
        self.check_key(key)?;
        let bytes_max = self.config.quota.value_bytes_max;
        if value.len() > bytes_max {
            return Err(StateError::Value {
                bytes: value.len(),
                bytes_max,
            });
        }
        if ttl.is_some_and(|ttl| ttl > self.config.ttl_max) {
            return Err(StateError::Ttl(self.config.ttl_max));
        }
        let expires_at =
            ttl.map(|ttl| now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)));
        Ok(Write {
            pipeline: pipeline.to_owned(),
            key: key.to_owned(),
            value,
            expires_at,
        })
    }

    fn check_key(&self, key: &str) -> Result<(), StateError> {
        let bytes_max = self.config.key_bytes_max;
        if (1..=bytes_max).contains(&key.len()) {
            Ok(())
        } else {
            Err(StateError::Key {
                bytes: key.len(),
                bytes_max,
            })
        }
    }
}

#[cfg(test)]
mod tests;
