//! A job's changes as server-sent events, until it has ended.
//!
//! Each event is the whole job as it then is, and its id is the job's revision: a client that comes back with `Last-Event-ID` misses nothing
//! but what has been overtaken.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use host_services::jobs::error::JobError;
use host_services::jobs::watch::JobWatch;
use host_types::job::{Job, JobId};
use tokio::time::timeout;

use super::view::JobView;
use crate::error::ApiError;
use crate::request_id::ACCEL_BUFFERING;
use crate::state::ApiState;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A comment, which clients pass over.
const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// The events of one job; the first is the job as it is, unless the client has seen that.
///
/// # Errors
/// There is no such job.
pub(super) async fn answer(state: &ApiState, pipeline: String, id: JobId, headers: &HeaderMap) -> Result<Response, ApiError> {
    let jobs = &state.services().jobs;
    let job = jobs.get(&pipeline, id).await?;
    let seen = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let has_ended = job.status.is_final() && seen.is_some_and(|seen| seen >= job.revision);
    let body = if has_ended {
        Body::empty()
    } else {
        let watch = jobs.watch(&pipeline, id, seen);
        let following = Following { watch: Some(watch), heartbeat: state.config().keep_alive_interval };
        Body::from_stream(stream::unfold(following, Following::next))
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// A client that follows a job; `watch` is none once it has ended.
struct Following {
    watch: Option<JobWatch>,
    heartbeat: Duration,
}

impl Following {
    async fn next(mut self) -> Option<(Result<Bytes, JobError>, Following)> {
        let watch = self.watch.as_mut()?;
        let event = match timeout(self.heartbeat, watch.changed()).await {
            Err(_) => Ok(HEARTBEAT),
            Ok(Ok(job)) => {
                if job.status.is_final() {
                    self.watch = None;
                }
                Ok(event(job))
            }
            // A job that was swept meanwhile, or a store that is gone: the client comes back and is told.
            Ok(Err(error)) => {
                self.watch = None;
                Err(error)
            }
        };
        Some((event, self))
    }
}

fn event(job: Job) -> Bytes {
    let (revision, status) = (job.revision, job.status.as_str());
    // Nothing in a job refuses to be written as JSON, which has no line ends but in a plugin's own documents.
    let data = serde_json::to_string(&JobView::from(job)).unwrap_or_default();
    let line: String = data.split(['\n', '\r']).collect();
    Bytes::from(format!("id: {revision}\nevent: {status}\ndata: {line}\n\n"))
}
