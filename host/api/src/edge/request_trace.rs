//! What is known of a request while it is answered, for the one line that its failure leaves in the
//! log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::http::{HeaderValue, Method, StatusCode};
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;

/// A request from its first layer to the end of its answer. A cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct RequestTrace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The client's id, or that of the run.
    request: HeaderValue,
    run: RunId,
    method: Method,
    path: String,
    began: Instant,
    client: OnceLock<String>,
    pipeline: OnceLock<(String, Option<u64>)>,
    is_logged: AtomicBool,
}

/// Why a response has an error status, among its extensions.
#[derive(Debug, Clone)]
pub(crate) struct Reason(pub(crate) String);

impl RequestTrace {
    /// A request that has just come.
    pub(crate) fn new(
        request: HeaderValue,
        run: RunId,
        method: Method,
        path: &str,
    ) -> RequestTrace {
        RequestTrace(Arc::new(Inner {
            request,
            run,
            method,
            path: path.to_owned(),
            began: Instant::now(),
            client: OnceLock::new(),
            pipeline: OnceLock::new(),
            is_logged: AtomicBool::new(false),
        }))
    }

    /// The name of the client's key, or what else is known of it.
    pub(crate) fn set_client(&self, name: &str) {
        // The first one stays.
        let _ = self.0.client.set(name.to_owned());
    }

    /// The pipeline that answers, and the number of its version if one runs.
    pub(crate) fn set_pipeline(&self, name: &str, version: Option<u64>) {
        let _ = self.0.pipeline.set((name.to_owned(), version));
    }

    /// Logs a response that tells of a failure of the server.
    pub(crate) fn refused(&self, status: StatusCode, reason: &str) {
        if status.is_server_error() {
            self.log(status.as_u16(), reason, "a request failed");
        }
    }

    /// Logs an answer that ends in a failure after its head has left.
    pub(crate) fn broken_off(&self, failure: &Failure) {
        if failure.kind != FailureKind::Cancelled {
            self.log(200, &failure.message, "an answer broke off");
        }
    }

    fn log(&self, status: u16, reason: &str, what: &str) {
        let inner = &self.0;
        if inner.is_logged.swap(true, Ordering::Relaxed) {
            return;
        }
        let (pipeline, version) = inner
            .pipeline
            .get()
            .map_or((None, None), |(name, version)| {
                (Some(name.as_str()), *version)
            });
        let (method, path) = (&inner.method, inner.path.as_str());
        let (client, run) = (inner.client.get().map(String::as_str), inner.run);
        let ms = u64::try_from(inner.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            request = ?inner.request, %run, %method, path, pipeline, version, client, status, ms,
            reason, "{what}"
        );
    }
}
