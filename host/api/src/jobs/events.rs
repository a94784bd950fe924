//! A job's changes as server-sent events, until it has ended or the server drains.
//!
//! Each event is the whole job as it then is, and its id is the job's revision: a client that comes
//! back with `Last-Event-ID` misses nothing but what has been overtaken.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::watch::JobWatch;
use hayrick_types::job::{Job, JobId};
use tokio::time::timeout;

use super::view::JobView;
use crate::error::ApiError;
use crate::request_id::ACCEL_BUFFERING;
use crate::state::ApiState;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A comment, which clients pass over.
const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

/// The events of one job; the first is the job as it is, unless the client has seen that. 204 if
/// there is nothing more to be seen.
///
/// # Errors
/// There is no such job.
pub(super) async fn answer(
    state: &ApiState,
    pipeline: String,
    id: JobId,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let jobs = &state.services().jobs;
    let job = jobs.get(&pipeline, id).await?;
    let seen = seen(headers, job.revision);
    if job.status.is_final() && seen == Some(job.revision) {
        // The answer that keeps a browser from coming back.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let watch = jobs.watch(&pipeline, id, seen);
    let following = Following {
        watch: Some(watch),
        state: state.clone(),
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(
        following,
        Following::next,
    )));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
        .headers_mut()
        .insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// The revision that the client has seen last; one that the job has not come to is none of its own.
fn seen(headers: &HeaderMap, newest: u64) -> Option<u64> {
    let seen = headers
        .get(LAST_EVENT_ID)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    (seen <= newest).then_some(seen)
}

/// A client that follows a job; `watch` is none once it has ended.
struct Following {
    watch: Option<JobWatch>,
    state: ApiState,
}

impl Following {
    async fn next(mut self) -> Option<(Result<Bytes, JobError>, Following)> {
        let watch = self.watch.as_mut()?;
        let changed = tokio::select! {
            biased;
            changed = timeout(self.state.settings().keep_alive_interval, watch.changed()) => changed,
            () = self.state.draining() => return None,
        };
        let event = match changed {
            Err(_) => Ok(HEARTBEAT),
            Ok(Ok(job)) => {
                if job.status.is_final() {
                    self.watch = None;
                }
                Ok(event(job))
            }
            // A job that was swept meanwhile, or a store that is gone: the client comes back and is
            // told.
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
    // Nothing in a job refuses to be written as JSON, which has no line ends but in a plugin's own
    // documents.
    let data = serde_json::to_string(&JobView::from(job)).unwrap_or_default();
    let line: String = data.split(['\n', '\r']).collect();
    Bytes::from(format!("id: {revision}\nevent: {status}\ndata: {line}\n\n"))
}
