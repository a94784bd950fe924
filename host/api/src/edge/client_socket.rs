//! The socket of a client: what it does beyond carrying bytes.
//!
//! It counts the bytes of a request's head, gives up on a client that does not read, fails once the
//! client has left during an answer, and closes so that the client can tell how its answer ended.
//!
//! hyper reads no further while it holds bytes that it has not looked at, such as a line end after
//! a body, so it does not see that the client leaves. And an answer of HTTP/1.0 ends with its
//! connection, so one that breaks off has to end with a reset.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::edge::answer::Answer;
use crate::edge::head_meter::HeadMeter;
use crate::edge::linger::Lingering;
use crate::edge::write_stall::WriteStall;

/// What carries the bytes of a connection.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Whether the client has closed its side. Otherwise the task is woken when it does.
    fn has_left(&self, context: &mut Context<'_>) -> bool;

    /// Makes the end of the connection a reset.
    fn reset_at_end(&self);
}

impl Transport for TcpStream {
    fn has_left(&self, context: &mut Context<'_>) -> bool {
        let Poll::Ready(Ok(())) = self.poll_read_ready(context) else {
            return false;
        };
        let ready = self.ready(Interest::READABLE).now_or_never();
        matches!(ready, Some(Ok(ready)) if ready.is_read_closed())
    }

    fn reset_at_end(&self) {
        // If this fails, the client is gone anyway.
        let _ = self.set_zero_linger();
    }
}

/// A client's end of a connection, around what carries its bytes.
pub(crate) struct ClientSocket<T: Transport> {
    transport: T,
    answer: Answer,
    head: HeadMeter,
    writes: WriteStall,
    /// Set once the own side has ended.
    lingering: Option<Lingering>,
}

impl<T: Transport> ClientSocket<T> {
    /// The socket of a client that gets `answer`, sends the bytes that `head` counts, and may read
    /// nothing for `write_stall_timeout`.
    pub(crate) fn new(
        transport: T,
        answer: Answer,
        head: HeadMeter,
        write_stall_timeout: Duration,
    ) -> ClientSocket<T> {
        ClientSocket {
            transport,
            answer,
            head,
            writes: WriteStall::new(write_stall_timeout),
            lingering: None,
        }
    }
}

impl<T: Transport> Drop for ClientSocket<T> {
    fn drop(&mut self) {
        if self.answer.ends_with_connection() {
            self.transport.reset_at_end();
        }
    }
}

impl<T: Transport> AsyncRead for ClientSocket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.transport).poll_read(context, buffer);
        self.head
            .count(buffer.filled().len().saturating_sub(before));
        read
    }
}

impl<T: Transport> AsyncWrite for ClientSocket<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write(context, bytes);
        self.writes.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write_vectored(context, slices);
        self.writes.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    /// hyper calls this each time it has nothing to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.answer.is_in_progress() && self.transport.has_left(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ClientSocket {
            transport,
            answer,
            lingering,
            ..
        } = &mut *self;
        answer.complete();
        if lingering.is_none() {
            ready!(Pin::new(&mut *transport).poll_shutdown(context))?;
        }
        lingering
            .get_or_insert_with(Lingering::new)
            .poll(transport, context)
            .map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::edge::linger::{LINGER_MAX, SILENCE_MAX};

    impl Transport for DuplexStream {
        fn has_left(&self, _: &mut Context<'_>) -> bool {
            false
        }

        fn reset_at_end(&self) {}
    }

    fn socket(transport: DuplexStream) -> ClientSocket<DuplexStream> {
        let timeout = Duration::from_millis(50);
        ClientSocket::new(transport, Answer::default(), HeadMeter::default(), timeout)
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up_and_a_slow_one_is_not() {
        let (ours, mut theirs) = duplex(4);
        let mut socket = socket(ours);
        let (written, ()) = tokio::join!(socket.write_all(b"0123456789"), async {
            theirs.read_exact(&mut [0; 10]).await.unwrap();
        });
        written.unwrap();
        let stalled = socket.write_all(b"0123456789").await.unwrap_err();
        assert_eq!(stalled.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_is_still_sending_gets_the_response() {
        let (ours, mut theirs) = duplex(1 << 10);
        let mut socket = socket(ours);
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
        let (ours, silent) = duplex(1 << 10);
        socket(ours).shutdown().await.unwrap();
        assert_eq!(begun.elapsed(), SILENCE_MAX);
        drop(silent);

        let (ours, mut theirs) = duplex(1 << 10);
        let endless = async {
            while theirs.write_all(b"more").await.is_ok() {
                sleep(SILENCE_MAX / 2).await;
            }
        };
        let begun = Instant::now();
        let close = async {
            let mut socket = socket(ours);
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
