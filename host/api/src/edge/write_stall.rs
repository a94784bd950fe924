//! Gives up on a client that does not read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// Writes that fail with `TimedOut` once the client has read nothing for `timeout`.
pub(super) struct WriteStall {
    timeout: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl WriteStall {
    /// Allows each write `timeout`.
    pub(super) fn new(timeout: Duration) -> WriteStall {
        WriteStall {
            timeout,
            stalled: None,
        }
    }

    /// Passes on a finished write, and times one that waits.
    pub(super) fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        stalled.as_mut().poll(context).map(|()| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client does not read",
            ))
        })
    }
}
