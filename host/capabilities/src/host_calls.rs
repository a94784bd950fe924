//! The calls of a run that wait in the host: how many at a time, and how much the host holds for
//! them.
//!
//! A guest can begin calls without waiting for any. What it handed over then lies in the host's
//! memory, which its own limit does not count.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;

use crate::run_ended::RunEnded;

/// The calls of one run. A cheap handle.
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
}

/// A call that waits. Dropping it gives back what it held.
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

impl HostCalls {
    /// None yet; `calls_max` at a time, holding `bytes_max` together.
    pub fn new(calls_max: usize, bytes_max: usize) -> HostCalls {
        HostCalls {
            inner: Arc::new(Inner {
                calls: AtomicUsize::new(0),
                bytes: AtomicUsize::new(0),
                calls_max,
                bytes_max,
            }),
        }
    }

    /// Begins a call that holds `bytes`.
    ///
    /// # Errors
    /// The end of the run: there are too many calls, or they hold too much. A guest that is only
    /// refused would go on.
    pub(crate) fn begin(&self, bytes: usize) -> wasmtime::Result<HostCall> {
        let Inner {
            calls,
            bytes: held,
            calls_max,
            bytes_max,
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
                "the plugin had more calls of the host waiting than host_calls_max, {calls_max}: await some before the next"
            );
            return Err(ended(LimitName::HostCallsMax, text));
        }
        if total > *bytes_max {
            let text = format!(
                "the plugin's waiting calls of the host hold more than host_bytes_max, {bytes_max} bytes: await some before the next"
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
    fn calls_and_bytes_are_counted_to_the_last_and_given_back() {
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
