//! Counts what a client has sent of its next request's head, so that the limit by which its
//! connection ends can be named.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hayrick_types::limit_name::LimitName;

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

    /// Counts `bytes` that came in.
    pub(super) fn count(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
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
