//! A small pool of read-only connections, opened when they are first needed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use crate::database::error::DatabaseError;

/// Queries at a time; more would wait for the same disk.
const READERS_MAX: usize = 4;
/// A reader meets a lock only while the file is recovered or its log is reset.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The idle connections.
pub(super) struct Readers {
    path: PathBuf,
    places: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Opens nothing yet.
    pub(super) fn new(path: &Path) -> Readers {
        Readers {
            path: path.to_owned(),
            places: Semaphore::new(READERS_MAX),
            idle: Mutex::default(),
        }
    }

    /// Runs a query on a thread that may block. It has its own task: the caller may be a guest that
    /// waits for its turn to compute, and must not occupy a reader meanwhile.
    #[expect(
        clippy::disallowed_methods,
        reason = "the handle is kept, and ends the task with the call"
    )]
    pub(super) async fn run<T, E>(
        readers: &Arc<Readers>,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let readers = Arc::clone(readers);
        let reading = async move {
            // The semaphore is never closed, so this does not fail.
            let _place = readers.places.acquire().await;
            let reader = Arc::clone(&readers);
            tokio::task::spawn_blocking(move || reader.query(query)).await
        };
        let queried = AbortOnDropHandle::new(tokio::spawn(reading)).await;
        queried
            .and_then(|queried| queried)
            .unwrap_or_else(|_| Err(E::from(DatabaseError::Closed)))
    }

    fn query<T, E: From<DatabaseError>>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection()?;
        // One transaction, so that a query of several statements sees one moment.
        let transaction = connection.transaction().map_err(DatabaseError::from)?;
        let outcome = query(&transaction);
        drop(transaction);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        outcome
    }

    fn connection(&self) -> Result<Connection, DatabaseError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    }
}
