//! The SQLite file behind jobs, tasks and state: a single writer that commits in groups, a few
//! readers, and the schema.

pub(crate) mod column;
pub mod error;
mod group;
mod health;
mod migrations;
mod readers;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction};
use tokio::sync::oneshot;

use crate::database::error::{DatabaseError, StoreError};
use crate::database::health::Health;
use crate::database::readers::Readers;
use crate::database::writer::Writer;

/// How long a checkpoint waits for readers.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(2);
/// Statements that a connection keeps prepared.
const STATEMENTS_MAX: usize = 128;

/// The file. A cheap handle; the last one dropped commits what was queued and closes it.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    readers: Arc<Readers>,
    health: Arc<Health>,
    path: PathBuf,
}

impl Database {
    /// Opens the file, or creates it, and brings its schema up to date.
    ///
    /// # Errors
    /// It cannot be opened, is not an SQLite file, or was written by a newer Hayrick.
    pub fn open(path: &Path) -> Result<Database, DatabaseError> {
        let mut connection = connection(path)?;
        migrations::apply(&mut connection)?;
        let health = Arc::new(Health::new(path));
        let writer = Writer::start(connection, Arc::clone(&health))?;
        Ok(Database {
            inner: Arc::new(Inner {
                writer,
                readers: Arc::new(Readers::new(path)),
                health,
                path: path.to_owned(),
            }),
        })
    }

    /// Runs `operation` in the writer's current transaction and returns once that is committed and
    /// on disk. An operation that fails leaves nothing behind and does not affect the others of
    /// its group. Every other write waits for it, so it has to be quick.
    ///
    /// # Errors
    /// The operation's own, or that nothing could be committed.
    pub async fn write<T, E>(
        &self,
        operation: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: StoreError + Send + 'static,
    {
        let (sender, outcome) = oneshot::channel();
        self.inner
            .writer
            .submit(group::operation(operation, sender))
            .await?;
        let outcome = outcome
            .await
            .unwrap_or_else(|_| Err(E::from(DatabaseError::Closed)));
        self.inner.health.note_damage(outcome)
    }

    /// Writes what is too much for one transaction, so that other writes can go between: runs
    /// `operation` until it changes less than `chunk` rows. Returns the number of all rows.
    ///
    /// # Errors
    /// As [`Database::write`]; what was committed before stays.
    pub async fn write_in_chunks<E>(
        &self,
        chunk: usize,
        operation: impl Fn(&Connection) -> Result<usize, E> + Send + Sync + 'static,
    ) -> Result<u64, E>
    where
        E: StoreError + Send + 'static,
    {
        let operation = Arc::new(operation);
        let mut written = 0;
        loop {
            let operation = Arc::clone(&operation);
            let rows = self.write(move |connection| operation(connection)).await?;
            written += rows as u64;
            if rows < chunk {
                return Ok(written);
            }
        }
    }

    /// Whether the store can be relied on, for a probe.
    ///
    /// # Errors
    /// Its file was removed or replaced, cannot be read or is damaged, or the last commit failed.
    pub async fn check(&self) -> Result<(), DatabaseError> {
        self.inner.health.check()?;
        let first = "SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)";
        self.read(move |transaction| Ok(transaction.query_row(first, [], |_| Ok(()))?))
            .await
    }

    /// Moves what was committed into the file itself, so that a copy of it alone is whole. Call it
    /// when nothing is written any more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn checkpoint_blocking(&self) -> Result<(), DatabaseError> {
        self.inner.health.check_file()?;
        let connection = Connection::open(&self.inner.path)?;
        connection.busy_timeout(CHECKPOINT_WAIT)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Runs `query` on a read-only connection, which sees everything committed before.
    ///
    /// # Errors
    /// The query's own, or that the file cannot be opened for reading.
    pub async fn read<T, E>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: StoreError + Send + 'static,
    {
        let outcome = Readers::run(&self.inner.readers, None, query).await;
        self.inner.health.note_damage(outcome)
    }

    /// As [`Database::read`], in one of the few places that the queries of `pipeline` share: for
    /// what a plugin or a client asks, however often.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn read_for<T, E>(
        &self,
        pipeline: &str,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: StoreError + Send + 'static,
    {
        let outcome = Readers::run(&self.inner.readers, Some(pipeline), query).await;
        self.inner.health.note_damage(outcome)
    }
}

/// A connection with the settings this module relies on.
fn connection(path: &Path) -> Result<Connection, DatabaseError> {
    let connection = Connection::open(path)?;
    // Before the first table, or it has no effect: space that retention frees goes back to the file
    // system in small steps.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What is acknowledged survives a power loss, not only a crash of the process.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Memory-mapped reads turn a bad disk into a crash, and made a past WAL bug worse.
    connection.pragma_update(None, "mmap_size", 0)?;
    // Enough for every statement of every service, so that each is parsed once.
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

#[cfg(test)]
pub(crate) mod plan;
#[cfg(test)]
mod tests;
