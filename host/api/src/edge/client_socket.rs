//! The socket of a client, and what becomes of it while an answer is in progress.
//!
//! hyper reads no further while it holds bytes that it has not looked at, such as a line end after
//! a body, so it does not see that the client leaves. And an answer of HTTP/1.0 ends with its
//! connection, so one that breaks off has to end with a reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// What the socket has to know about its answer. A cheap handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer(Arc<Progress>);

#[derive(Debug, Default)]
struct Progress {
    is_in_progress: AtomicBool,
    /// Whether only the end of the connection tells where the answer ends.
    ends_with_connection: AtomicBool,
}

/// An answer in progress, until it is dropped.
#[derive(Debug)]
pub(crate) struct InProgress(Answer);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.0.is_in_progress.store(false, Ordering::Relaxed);
    }
}

impl Answer {
    /// An answer begins.
    pub(crate) fn begin(&self, version: hyper::Version) -> InProgress {
        let is_old = version < hyper::Version::HTTP_11;
        self.0.ends_with_connection.store(is_old, Ordering::Relaxed);
        self.0.is_in_progress.store(true, Ordering::Relaxed);
        InProgress(self.clone())
    }
}

/// A socket that fails once the client has left during an answer, and that resets the connection if
/// an answer of HTTP/1.0 breaks off.
pub(crate) struct ClientSocket {
    socket: TcpStream,
    answer: Answer,
}

impl ClientSocket {
    /// The `socket` of a client that gets `answer`.
    pub(crate) fn new(socket: TcpStream, answer: Answer) -> ClientSocket {
        ClientSocket { socket, answer }
    }

    /// Whether the client has closed its side. Otherwise the task is woken when it does.
    fn has_left(&self, context: &mut Context<'_>) -> bool {
        let Poll::Ready(Ok(())) = self.socket.poll_read_ready(context) else {
            return false;
        };
        let ready = self.socket.ready(Interest::READABLE).now_or_never();
        matches!(ready, Some(Ok(ready)) if ready.is_read_closed())
    }
}

impl Drop for ClientSocket {
    fn drop(&mut self) {
        if self.answer.0.ends_with_connection.load(Ordering::Relaxed) {
            // If this fails, the client is gone anyway.
            let _ = self.socket.set_zero_linger();
        }
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientSocket {
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

    /// hyper calls this each time it has nothing to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.answer.0.is_in_progress.load(Ordering::Relaxed) && self.has_left(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ends_with_connection = &self.answer.0.ends_with_connection;
        ends_with_connection.store(false, Ordering::Relaxed);
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
