//! The state of plugins between runs: durable entries by key, separate for each pipeline, with
//! quotas.

pub mod error;
mod removed;
mod store;

use std::time::Duration;

use hayrick_types::clock::{Clocks, milliseconds};
use hayrick_types::settings::state::{StateQuota, StateRetention};
use hayrick_types::state::{PipelineNames, StateEntry, StateUse};

use crate::database::Database;
use crate::state::error::StateError;
use crate::state::store::Write;

/// Keys of one page.
const LIST_MAX: u32 = 1000;
/// Expired entries that are deleted in one transaction: deleting reads their values, and other
/// writes wait.
const SWEEP_CHUNK: usize = 64;

/// The entries of all pipelines. A cheap handle.
#[derive(Clone)]
pub struct State {
    database: Database,
    quota: StateQuota,
    retention: StateRetention,
    clocks: Clocks,
}

impl State {
    /// State in this database. That of removed pipelines is kept as `retention` says.
    pub fn new(
        database: Database,
        quota: StateQuota,
        retention: StateRetention,
        clocks: impl Into<Clocks>,
    ) -> State {
        State {
            database,
            quota,
            retention,
            clocks: clocks.into(),
        }
    }

    /// The same entries with the quota of one pipeline.
    pub fn within(&self, quota: StateQuota) -> State {
        State {
            quota,
            ..self.clone()
        }
    }

    /// The entry of a key; `None` if there is none, or it has expired.
    ///
    /// # Errors
    /// The key is too long, or the store failed.
    pub async fn get(&self, pipeline: &str, key: &str) -> Result<Option<StateEntry>, StateError> {
        self.check_key(key)?;
        let (name, key, now) = (pipeline.to_owned(), key.to_owned(), (self.clocks.now)());
        self.database
            .read_for(pipeline, move |connection| {
                Ok(store::get(connection, &name, &key, now)?)
            })
            .await
    }

    /// Writes an entry, and returns its revision once it is on disk. Without `ttl` it does not expire.
    ///
    /// # Errors
    /// The key, the value or the time to live is too long, the pipeline's quota is used up, or the
    /// store failed.
    pub async fn set(
        &self,
        pipeline: &str,
        key: &str,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> Result<u64, StateError> {
        let now = (self.clocks.now)();
        let (write, quota) = (self.checked(pipeline, key, value, ttl, now)?, self.quota);
        self.database
            .write(move |connection| store::put(connection, &write, &quota, now))
            .await
    }

    /// Deletes an entry; whether it existed.
    ///
    /// # Errors
    /// The key is too long, or the store failed.
    pub async fn delete(&self, pipeline: &str, key: &str) -> Result<bool, StateError> {
        self.check_key(key)?;
        let (pipeline, key, now) = (pipeline.to_owned(), key.to_owned(), (self.clocks.now)());
        self.database
            .write(move |connection| Ok(store::delete(connection, &pipeline, &key, now)?))
            .await
    }

    /// The keys that begin with `prefix` and follow `after`, in the order of their bytes; 1000 at
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
        let (name, prefix, after, now) = (
            pipeline.to_owned(),
            prefix.to_owned(),
            after.map(str::to_owned),
            (self.clocks.now)(),
        );
        let limit = usize::try_from(limit.min(LIST_MAX)).unwrap_or(usize::MAX);
        let query = move |connection: &_| {
            store::keys(connection, &name, &prefix, after.as_deref(), limit, now)
        };
        self.database
            .read_for(pipeline, move |connection| Ok(query(connection)?))
            .await
    }

    /// Writes if the entry still has the revision `expected` (`None`: it does not exist). Returns the
    /// new revision, or `None` if another write came first.
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
        let now = (self.clocks.now)();
        let (write, quota) = (self.checked(pipeline, key, value, ttl, now)?, self.quota);
        let operation = move |connection: &_| {
            if store::revision(connection, &write.pipeline, &write.key, now)? != expected {
                return Ok(None);
            }
            store::put(connection, &write, &quota, now).map(Some)
        };
        self.database.write(operation).await
    }

    /// Deletes expired entries, a few at a time, so that other writes can go between. Returns how
    /// many.
    ///
    /// # Errors
    /// The store failed; some entries may be deleted.
    pub async fn sweep(&self) -> Result<u64, StateError> {
        let now = (self.clocks.retention)();
        let sweep = move |connection: &_| Ok(store::sweep(connection, SWEEP_CHUNK, now)?);
        self.database.write_in_chunks(SWEEP_CHUNK, sweep).await
    }

    /// What the state of each pipeline uses, by name; pipelines without state are left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn uses(&self) -> Result<Vec<StateUse>, StateError> {
        self.database
            .read(move |connection| Ok(removed::uses(connection)?))
            .await
    }

    /// When the state of a pipeline that was removed at this time is deleted; both as Unix time in
    /// milliseconds.
    pub fn kept_until(&self, removed_at: u64) -> u64 {
        removed_at.saturating_add(milliseconds(self.retention.keep_removed))
    }

    /// Deletes the whole state of a pipeline, and returns the number of entries.
    ///
    /// # Errors
    /// The store failed; some entries may be deleted.
    pub async fn delete_all(&self, pipeline: &str) -> Result<u64, StateError> {
        removed::delete(&self.database, pipeline, SWEEP_CHUNK).await
    }

    /// Deletes the state of pipelines that have been gone for too long, and returns what it used.
    /// Nothing else has to be kept for them either.
    ///
    /// # Errors
    /// The store failed; some of it may be deleted.
    pub async fn sweep_removed(&self, names: PipelineNames) -> Result<Vec<StateUse>, StateError> {
        let (now, retention) = ((self.clocks.retention)(), self.retention);
        let overdue = self
            .database
            .write(move |connection| {
                removed::overdue(connection, &names, &retention, now).map_err(StateError::from)
            })
            .await?;
        for removed in &overdue {
            self.delete_all(&removed.pipeline).await?;
        }
        Ok(overdue)
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
        let bytes_max = self.quota.value_bytes_max;
        if value.len() > bytes_max {
            return Err(StateError::Value {
                bytes: value.len(),
                bytes_max,
            });
        }
        if ttl.is_some_and(|ttl| ttl > self.quota.ttl_max) {
            return Err(StateError::Ttl(self.quota.ttl_max));
        }
        let expires_at = ttl.map(|ttl| now.saturating_add(milliseconds(ttl)));
        Ok(Write {
            pipeline: pipeline.to_owned(),
            key: key.to_owned(),
            value,
            expires_at,
        })
    }

    fn check_key(&self, key: &str) -> Result<(), StateError> {
        let bytes_max = self.quota.key_bytes_max;
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
