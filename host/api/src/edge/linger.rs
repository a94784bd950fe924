//! Closes a connection only after the client has stopped sending.
//!
//! Closing a socket with unread data resets the connection, and the response on its way is lost: a
//! client refused in the middle of a long body would never learn why. So the socket first ends its
//! own side, then reads and discards what still comes.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long the client may send nothing before it counts as done.
pub(super) const SILENCE_MAX: Duration = Duration::from_millis(500);
/// How long the client may go on sending.
pub(super) const LINGER_MAX: Duration = Duration::from_secs(30);
/// Bytes discarded at a time.
const PIECE_BYTES: usize = 16 << 10;

/// The wait for a client that may still be sending.
pub(super) struct Lingering {
    deadline: Instant,
    silence: Pin<Box<Sleep>>,
}

impl Lingering {
    /// Begins once the own side of the connection has ended.
    pub(super) fn new() -> Lingering {
        Lingering {
            deadline: Instant::now() + LINGER_MAX,
            silence: Box::pin(sleep(SILENCE_MAX)),
        }
    }

    /// Ready once nothing more is expected.
    pub(super) fn poll(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let mut piece = [0; PIECE_BYTES];
        loop {
            let mut buffer = ReadBuf::new(&mut piece);
            match Pin::new(&mut *socket).poll_read(context, &mut buffer) {
                Poll::Pending => return self.silence.as_mut().poll(context),
                Poll::Ready(Ok(()))
                    if !buffer.filled().is_empty() && Instant::now() < self.deadline =>
                {
                    self.silence
                        .as_mut()
                        .reset((Instant::now() + SILENCE_MAX).min(self.deadline));
                }
                // The client is done, or gone, or would never stop.
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}
