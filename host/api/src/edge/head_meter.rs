//! Counts what a client has sent of its next request's head, so that the limit by which its
//! connection ends can be named.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hayrick_types::limit_name::LimitName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes since the last response ended. A cheap handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeadMeter(Arc<AtomicUsize>);

/// A response being sent; the bytes that come after it is dropped belong to the next request.
#[derive(Debug)]
pub(crate) struct Answering(HeadMeter);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.store(0, Ordering::Relaxed);
    }
}

impl HeadMeter {
    /// Starts a response.
    pub(crate) fn answering(&self) -> Answering {
        Answering(self.clone())
    }

    /// The limit that ended a connection with this error, if one did. `header_bytes_max` tells the
    /// two reasons apart for which a head is too large.
    pub(crate) fn limit_of(
        &self,
        error: &hyper::Error,
        header_bytes_max: usize,
    ) -> Option<LimitName> {
        let bytes = self.0.load(Ordering::Relaxed);
        let cause = error
            .source()
            .and_then(|cause| cause.downcast_ref::<io::Error>());
        if error.is_parse_too_large() {
            Some(if bytes >= header_bytes_max {
                LimitName::HeaderBytesMax
            } else {
                LimitName::HeadersMax
            })
        } else if cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut) {
            Some(LimitName::WriteStallTimeout)
        } else {
            // A connection that is closed because it was idle has reached no limit.
            (error.is_timeout() && bytes > 0).then_some(LimitName::HeaderReadTimeout)
        }
    }
}

/// A socket whose incoming bytes are counted.
pub(crate) struct Metered<S> {
    socket: S,
    meter: HeadMeter,
}

impl<S> Metered<S> {
    /// Counts the bytes of `socket`.
    pub(crate) fn new(socket: S, meter: HeadMeter) -> Metered<S> {
        Metered { socket, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        let bytes = buffer.filled().len().saturating_sub(before);
        self.meter.0.fetch_add(bytes, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
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
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
