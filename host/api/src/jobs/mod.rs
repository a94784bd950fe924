//! Background jobs over HTTP: submit, show, wait, follow, cancel, retry.

mod events;
mod request;
mod view;

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use hayrick_types::contract::Export;
use hayrick_types::job::{Job, JobId, Submission};

use self::request::{ListQuery, WaitQuery};
use self::view::{JobView, ListView};
use crate::body::{depth, read};
use crate::edge::path::EndedInSlash;
use crate::error::ApiError;
use crate::gate::forwarded::Origin;
use crate::state::ApiState;
use crate::wire::json;
use crate::wire::params::{PathParams, QueryParams};

/// A key of the client: all submissions with the same key are one job.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the job existed already.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Pipeline and id of a job.
type JobPath = PathParams<(String, String)>;

/// 202 once the job is on disk.
pub(crate) async fn submit(
    State(state): State<ApiState>,
    PathParams(pipeline): PathParams<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let policy = state.runtime().check(&pipeline, Export::Job)?;
    let (head, body) = request.into_parts();
    let key = idempotency_key(&head.headers)?;
    let mut held = state.hold_body(&head.extensions);
    let body = read::text(&head.headers, body, state.settings(), &mut held).await?;
    let (bytes, depth_max) = (body.len(), state.settings().json_depth_max);
    let parse = move || {
        depth::check(&body, depth_max)?;
        request::parse(pipeline, &body, key)
    };
    let submission = state.long_work().run(bytes, parse).await?;
    let submission = Submission {
        pending_max: Some(policy.jobs.pending_max),
        ..submission
    };
    let submitted = state.services().jobs.submit(submission).await?;
    let view = view(&state, submitted.job);
    let location = HeaderValue::try_from(location(&head.extensions, &view));
    let mut response = json::response(StatusCode::ACCEPTED, &view);
    // The characters of a pipeline's name and of an id are always valid in a header.
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    if !submitted.created {
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Where the job is: below the path that a proxy names, or else relative to the request's own path,
/// so that it can be followed behind a proxy that names none.
fn location(extensions: &Extensions, view: &JobView) -> String {
    let prefix = extensions
        .get::<Origin>()
        .and_then(|origin| origin.prefix.as_deref());
    let (pipeline, id) = (&view.pipeline, &view.id);
    match prefix {
        Some(prefix) => format!("{prefix}/{pipeline}/jobs/{id}"),
        None if extensions.get::<EndedInSlash>().is_some() => id.to_string(),
        None => format!("jobs/{id}"),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| {
        ApiError::invalid(
            "the header Idempotency-Key is not ASCII: use for example a UUID",
            None,
        )
    })?;
    Ok(Some(text.to_owned()))
}

/// Lists the jobs of a pipeline.
pub(crate) async fn list(
    State(state): State<ApiState>,
    PathParams(pipeline): PathParams<String>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Response, ApiError> {
    let filter = query.filter(pipeline.clone())?;
    let jobs = &state.services().jobs;
    let (page, counts) = (jobs.list(filter).await?, jobs.counts(&pipeline).await?);
    let view = ListView::new(page, counts, state.obstacle_to_jobs(&pipeline));
    // A removed pipeline still shows its jobs; one that never existed is an error.
    if view.is_empty() && state.runtime().pipeline(&pipeline).is_none() {
        return Err(ApiError::unknown_pipeline(&pipeline, "GET /status"));
    }
    Ok(json::ok(&view))
}

/// Shows a job. With `?wait=SECONDS` the response waits until the job has ended, but no longer than
/// that, and not while the server drains.
pub(crate) async fn one(
    State(state): State<ApiState>,
    path: JobPath,
    query: Result<QueryParams<WaitQuery>, ApiError>,
) -> Result<Response, ApiError> {
    let (pipeline, id) = parse(path)?;
    let QueryParams(query) = query?;
    let jobs = &state.services().jobs;
    let job = match query.wait()? {
        Some(timeout) => tokio::select! {
            waited = jobs.wait(&pipeline, id, timeout, None) => waited?,
            () = state.draining() => jobs.get(&pipeline, id).await?,
        },
        None => jobs.get(&pipeline, id).await?,
    };
    Ok(json::ok(&view(&state, job)))
}

/// Cancels a job, for good.
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    path: JobPath,
) -> Result<Response, ApiError> {
    let (pipeline, id) = parse(path)?;
    let job = state.services().jobs.cancel(&pipeline, id).await?;
    Ok(json::ok(&view(&state, job)))
}

/// Tries a failed or cancelled job again.
pub(crate) async fn retry(
    State(state): State<ApiState>,
    path: JobPath,
) -> Result<Response, ApiError> {
    let (pipeline, id) = parse(path)?;
    let job = state.services().jobs.retry(&pipeline, id).await?;
    Ok(json::response(StatusCode::ACCEPTED, &view(&state, job)))
}

/// Follows the changes of a job.
pub(crate) async fn follow(
    State(state): State<ApiState>,
    path: JobPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (pipeline, id) = parse(path)?;
    events::answer(&state, pipeline, id, &headers).await
}

fn view(state: &ApiState, job: Job) -> JobView {
    let obstacle = state.obstacle_to_jobs(&job.pipeline);
    JobView::new(job, obstacle)
}

fn parse(PathParams((pipeline, id)): JobPath) -> Result<(String, JobId), ApiError> {
    let id = JobId::parse(&id).ok_or_else(|| {
        ApiError::not_found(
            "the id of the job is not a UUID: use the 'id' that its submission returned",
        )
    })?;
    Ok((pipeline, id))
}
