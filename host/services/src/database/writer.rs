//! The one thread that writes.

use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::database::error::DatabaseError;
use crate::database::group::{Operation, commit, refuse};
use crate::database::health::Health;

/// Operations in the queue; beyond it callers wait.
const QUEUE_MAX: usize = 1024;
/// Operations that share one commit, and so one fsync.
const GROUP_MAX: usize = 512;

/// The thread's handle. Dropping it waits until what was queued is committed.
pub(super) struct Writer {
    queue: Option<Sender<Operation>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, health: Arc<Health>) -> std::io::Result<Writer> {
        let (queue, operations) = mpsc::channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("database".to_owned())
            .spawn(move || write(&connection, operations, &health))?;
        Ok(Writer {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Queues an operation.
    pub(super) async fn submit(&self, operation: Operation) -> Result<(), DatabaseError> {
        let queue = self.queue.as_ref().ok_or(DatabaseError::Closed)?;
        queue
            .send(operation)
            .await
            .map_err(|_| DatabaseError::Closed)
    }
}

fn write(connection: &Connection, mut operations: Receiver<Operation>, health: &Health) {
    while let Some(first) = operations.blocking_recv() {
        let more = std::iter::from_fn(|| operations.try_recv().ok());
        let group = std::iter::once(first).chain(more).take(GROUP_MAX);
        let committed = match health.check_file() {
            Ok(()) => commit(connection, group),
            Err(error) => refuse(group, error),
        };
        health.note(&committed);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to commit.
            let _ = thread.join();
        }
    }
}
