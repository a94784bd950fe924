//! A small pool of read-only connections, opened when they are first needed. One pipeline cannot
//! have all of them: its queries wait for each other first.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use crate::database::error::DatabaseError;

/// Queries at a time; more would wait for the same disk.
const READERS_MAX: usize = 4;
/// Queries of one pipeline at a time, so that others wait for few of them.
const PIPELINE_READERS_MAX: usize = 2;
/// A reader meets a lock only while the file is recovered or its log is reset.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The idle connections.
pub(super) struct Readers {
    path: PathBuf,
    places: Arc<Semaphore>,
    /// The places of the pipelines that read or wait to read.
    by_pipeline: Mutex<HashMap<String, Weak<Semaphore>>>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Opens nothing yet.
    pub(super) fn new(path: &Path) -> Readers {
        Readers {
            path: path.to_owned(),
            places: Arc::new(Semaphore::new(READERS_MAX)),
            by_pipeline: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    /// Runs a query on a thread that may block, in a place of `pipeline` if it is given. It has its
    /// own task: the caller may be a guest that waits for its turn to compute, and must not occupy
    /// a reader meanwhile. The query keeps its place until it has ended, even if the caller stops
    /// waiting.
    #[expect(
        clippy::disallowed_methods,
        reason = "the handle is kept, and ends the task with the call"
    )]
    pub(super) async fn run<T, E>(
        readers: &Arc<Readers>,
        pipeline: Option<&str>,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let own = pipeline.map(|pipeline| readers.places_of(pipeline));
        let readers = Arc::clone(readers);
        let reading = async move {
            let own = match own {
                Some(own) => place(&own).await,
                None => None,
            };
            let places = (own, place(&readers.places).await);
            let read = move || {
                let _places = places;
                readers.query(query)
            };
            tokio::task::spawn_blocking(read).await
        };
        let queried = AbortOnDropHandle::new(tokio::spawn(reading)).await;
        queried
            .and_then(|queried| queried)
            .unwrap_or_else(|_| Err(E::from(DatabaseError::Closed)))
    }

    fn places_of(&self, pipeline: &str) -> Arc<Semaphore> {
        let mut all = self
            .by_pipeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = all.get(pipeline).and_then(Weak::upgrade) {
            return places;
        }
        all.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(PIPELINE_READERS_MAX));
        all.insert(pipeline.to_owned(), Arc::downgrade(&places));
        places
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

/// Waits for a place. The semaphores are never closed, so this does not fail.
async fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(places).acquire_owned().await.ok()
}
