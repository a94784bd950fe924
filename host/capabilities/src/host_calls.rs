//! Limits the host calls that a run has waiting: how many at a time, and how much memory the host
//! holds for them.
//!
//! A guest can start calls without waiting for them. Their arguments then stay in the memory of the
//! host, which the memory limit of the guest does not count.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::run_ended::RunEnded;

/// Reads of the store that a run has at a time. What was read waits in the memory of the host until
/// the guest takes it.
const READS_MAX: usize = 8;

/// The waiting host calls of one run. A cheap handle.
#[derive(Debug, Clone)]
pub struct HostCalls {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    calls: AtomicUsize,
    bytes: AtomicUsize,
    calls_max: usize,
    bytes_max: usize,
    reads: Arc<Semaphore>,
}

/// A waiting call. Dropping it gives back what it held.
#[derive(Debug)]
pub(crate) struct HostCall {
    inner: Arc<Inner>,
    bytes: usize,
}

impl Drop for HostCall {
    fn drop(&mut self) {
        self.inner.calls.fetch_sub(1, Ordering::Relaxed);
        self.inner.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl HostCall {
    /// Whose permit each read of the store has to hold until the guest has what was read.
    pub(crate) fn reads(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.reads)
    }

    /// Waits for such a permit.
    pub(crate) async fn read(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so this does not fail.
        self.reads().acquire_owned().await.ok()
    }
}

impl HostCalls {
    /// Allows `calls_max` calls at a time, which together hold at most `bytes_max`.
    pub fn new(calls_max: usize, bytes_max: usize) -> HostCalls {
        HostCalls {
            inner: Arc::new(Inner {
                calls: AtomicUsize::new(0),
                bytes: AtomicUsize::new(0),
                calls_max,
                bytes_max,
                reads: Arc::new(Semaphore::new(READS_MAX)),
            }),
        }
    }

    /// Whether no call is waiting.
    pub(crate) fn are_done(&self) -> bool {
        self.inner.calls.load(Ordering::Relaxed) == 0
    }

    /// Begins a call that holds `bytes`.
    ///
    /// # Errors
    /// There are too many calls, or they hold too much. The error ends the run: a guest that only
    /// got a failure could keep trying.
    pub(crate) fn begin(&self, bytes: usize) -> wasmtime::Result<HostCall> {
        let Inner {
            calls,
            bytes: held,
            calls_max,
            bytes_max,
            ..
        } = &*self.inner;
        let count = calls.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let total = held
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        let call = HostCall {
            inner: Arc::clone(&self.inner),
            bytes,
        };
        if count > *calls_max {
            let text = format!(
                "the plugin has more than {calls_max} host calls waiting (host_calls_max): await \
                 some before starting more"
            );
            return Err(ended(LimitName::HostCallsMax, text));
        }
        if total > *bytes_max {
            let text = format!(
                "the waiting host calls of the plugin hold more than {bytes_max} bytes \
                 (host_bytes_max): await some before starting more"
            );
            return Err(ended(LimitName::HostBytesMax, text));
        }
        Ok(call)
    }
}

fn ended(limit: LimitName, text: String) -> wasmtime::Error {
    wasmtime::Error::new(RunEnded(
        Failure::new(FailureKind::Failed, text).limit(limit),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_bytes_are_limited_exactly_and_given_back() {
        let calls = HostCalls::new(2, 10);
        let first = calls.begin(6).unwrap();
        assert!(
            calls
                .begin(5)
                .unwrap_err()
                .to_string()
                .contains("host_bytes_max")
        );
        let second = calls.begin(4).unwrap();
        assert!(
            calls
                .begin(0)
                .unwrap_err()
                .to_string()
                .contains("host_calls_max")
        );
        drop((first, second));
        calls.begin(10).unwrap();
    }
}
