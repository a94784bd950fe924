//! A socket that closes only after the client has stopped sending.
//!
//! Closing a socket with unread data resets the connection, and the response on its way is lost: a
//! client refused in the middle of a long body would never learn why. So the socket first ends its
//! own side, then reads and discards what still comes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long the client may send nothing before it counts as done.
const SILENCE_MAX: Duration = Duration::from_millis(500);
/// How long the client may go on sending.
const LINGER_MAX: Duration = Duration::from_secs(30);
/// Bytes discarded at a time.
const PIECE_BYTES: usize = 16 << 10;

/// A socket whose shutdown waits until the client has stopped sending, for a limited time.
pub(crate) struct Linger<S> {
    socket: S,
    /// Set once the own side has ended.
    lingering: Option<Lingering>,
}

struct Lingering {
    deadline: Instant,
    silence: Pin<Box<Sleep>>,
}

impl<S> Linger<S> {
    /// A `socket` that lingers at its end.
    pub(crate) fn new(socket: S) -> Linger<S> {
        Linger {
            socket,
            lingering: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Linger<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Linger { socket, lingering } = &mut *self;
        if lingering.is_none() {
            ready!(Pin::new(&mut *socket).poll_shutdown(context))?;
        }
        let lingering = lingering.get_or_insert_with(|| Lingering {
            deadline: Instant::now() + LINGER_MAX,
            silence: Box::pin(sleep(SILENCE_MAX)),
        });
        lingering.poll(socket, context).map(Ok)
    }
}

impl Lingering {
    /// Ready once nothing more is expected.
    fn poll(
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_client_that_is_still_sending_gets_the_response() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 10);
        let mut socket = Linger::new(ours);
        socket.write_all(b"no").await.unwrap();
        let client = async {
            theirs.write_all(&[0; 1 << 20]).await.unwrap();
            let mut answer = String::new();
            theirs.read_to_string(&mut answer).await.unwrap();
            theirs.shutdown().await.unwrap();
            answer
        };
        let (closed, answer) = tokio::join!(socket.shutdown(), client);
        closed.unwrap();
        assert_eq!(answer, "no");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_silent_or_never_stops_is_not_waited_for() {
        let begun = Instant::now();
        let (ours, silent) = tokio::io::duplex(1 << 10);
        Linger::new(ours).shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), SILENCE_MAX);
        drop(silent);

        let (ours, mut theirs) = tokio::io::duplex(1 << 10);
        let endless = async {
            while theirs.write_all(b"more").await.is_ok() {
                sleep(SILENCE_MAX / 2).await;
            }
        };
        let begun = Instant::now();
        let close = async {
            let mut socket = Linger::new(ours);
            socket.shutdown().await
        };
        let (closed, ()) = tokio::join!(close, endless);
        closed.unwrap();
        assert!(
            (LINGER_MAX..LINGER_MAX + SILENCE_MAX * 2).contains(&begun.elapsed()),
            "{:?}",
            begun.elapsed()
        );
    }
}
