//! The changes of a job as server-sent events, until it has ended or the server drains.
//!
//! Each event is the whole job as it then is, and its id is the job's revision: a client that comes
//! back with `Last-Event-ID` misses only revisions that newer ones have replaced.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use hayrick_services::jobs::error::JobError;
use hayrick_services::jobs::watch::JobWatch;
use hayrick_types::job::{Job, JobId};
use tokio::time::timeout;

use super::view::JobView;
use crate::error::ApiError;
use crate::sse;
use crate::state::ApiState;
use crate::wire::json;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The events of one job. The first is the job as it is, unless the client has seen that. 204 if
/// the client has seen the end.
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
    let seen = last_seen(headers, job.revision);
    if job.status.is_final() && seen == Some(job.revision) {
        // This status keeps a browser from coming back.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let follower = Follower {
        watch: Some(jobs.watch(&pipeline, id, seen)),
        state: state.clone(),
    };
    let body = Body::from_stream(stream::unfold(follower, Follower::next));
    Ok(sse::response(body))
}

/// The revision that the client saw last. One that the job has not reached is not of this job.
fn last_seen(headers: &HeaderMap, newest: u64) -> Option<u64> {
    let seen = headers
        .get(LAST_EVENT_ID)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    (seen <= newest).then_some(seen)
}

/// A client that follows a job.
struct Follower {
    /// `None` once the job has ended.
    watch: Option<JobWatch>,
    state: ApiState,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Bytes, JobError>, Follower)> {
        let watch = self.watch.as_mut()?;
        let changed = tokio::select! {
            biased;
            changed = timeout(self.state.settings().keep_alive_interval, watch.changed()) => changed,
            () = self.state.draining() => return None,
        };
        let event = match changed {
            Err(_) => Ok(sse::HEARTBEAT),
            Ok(Ok(job)) => {
                if job.status.is_final() {
                    self.watch = None;
                }
                let obstacle = self.state.obstacle_to_jobs(&job.pipeline);
                Ok(event(job, obstacle))
            }
            // The job was deleted meanwhile, or the store failed: the client comes back and gets
            // the reason.
            Ok(Err(error)) => {
                self.watch = None;
                Err(error)
            }
        };
        Some((event, self))
    }
}

fn event(job: Job, obstacle: Option<String>) -> Bytes {
    let (revision, status) = (job.revision, job.status.as_str());
    let mut event = BytesMut::new();
    sse::write_event_with_id(&mut event, revision, status, |out| {
        json::write_line(out, &JobView::new(job, obstacle));
    });
    event.freeze()
}
