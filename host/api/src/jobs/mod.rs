//! Background jobs over HTTP: submit, look, wait, follow, cancel, retry.

mod events;
mod request;
mod view;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use hayrick_types::contract::Export;
use hayrick_types::job::{JobFilter, JobId, Submission};

use self::request::{ListQuery, WaitQuery};
use self::view::{JobView, ListView};
use crate::error::ApiError;
use crate::state::ApiState;
use crate::{body, depth, json};

/// A client's key under which a job is submitted once, however often it is sent.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the job was there already.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The routes of this protocol. A job is found under `job` and `jobs` alike.
pub(crate) fn routes() -> Router<ApiState> {
    let jobs = Router::new().route("/{pipeline}/jobs", get(list).post(submit));
    ["job", "jobs"].into_iter().fold(jobs, |routes, word| {
        routes
            .route(&format!("/{{pipeline}}/{word}/{{id}}"), get(one))
            .route(&format!("/{{pipeline}}/{word}/{{id}}/cancel"), post(cancel))
            .route(&format!("/{{pipeline}}/{word}/{{id}}/retry"), post(retry))
            .route(&format!("/{{pipeline}}/{word}/{{id}}/events"), get(follow))
    })
}

type OfPipeline = Result<Path<String>, PathRejection>;
type OfJob = Result<Path<(String, String)>, PathRejection>;

/// 202 once the job is on disk.
async fn submit(
    State(state): State<ApiState>,
    pipeline: OfPipeline,
    request: Request,
) -> Result<Response, ApiError> {
    let Path(pipeline) = pipeline.map_err(|_| ApiError::no_text())?;
    let policy = state.runtime().check(&pipeline, Export::Job)?;
    let (head, body) = request.into_parts();
    let key = idempotency_key(&head.headers)?;
    let body = body::read(body, state.config()).await?;
    depth::check(&body, state.config().json_depth_max)?;
    let submission = request::parse(pipeline, &body, key)?;
    let submission = Submission {
        pending_max: Some(policy.jobs.pending_max),
        ..submission
    };
    let submitted = state.services().jobs.submit(submission).await?;
    let view = JobView::from(submitted.job);
    let location = HeaderValue::try_from(format!("/{}/jobs/{}", view.pipeline, view.id));
    let mut response = json::answer(StatusCode::ACCEPTED, &view);
    // A pipeline's name and an id have only letters that a header takes.
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

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| {
        ApiError::invalid(
            "the header Idempotency-Key is no ASCII text: use for example a UUID",
            None,
        )
    })?;
    Ok(Some(text.to_owned()))
}

async fn list(
    State(state): State<ApiState>,
    pipeline: OfPipeline,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Path(pipeline) = pipeline.map_err(|_| ApiError::no_text())?;
    let Query(query) =
        query.map_err(|error| ApiError::invalid(format!("the query is wrong: {error}"), None))?;
    let filter: JobFilter = query.filter(pipeline.clone())?;
    let jobs = &state.services().jobs;
    let (page, counts) = (jobs.list(filter).await?, jobs.counts(&pipeline).await?);
    let view = ListView::new(page, counts);
    // A pipeline that is gone still shows its jobs; one that never was is an error.
    if view.is_empty() && state.runtime().pipeline(&pipeline).is_none() {
        return Err(ApiError::no_pipeline(&pipeline, "GET /status"));
    }
    Ok(json::answer(StatusCode::OK, &view))
}

/// With `?wait=SECONDS` the answer waits until the job has ended, but no longer than that, and not
/// while the server drains.
async fn one(
    State(state): State<ApiState>,
    path: OfJob,
    query: Result<Query<WaitQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let (pipeline, id) = parse(path)?;
    let Query(query) =
        query.map_err(|error| ApiError::invalid(format!("the query is wrong: {error}"), None))?;
    let jobs = &state.services().jobs;
    let job = match query.wait()? {
        Some(timeout) => tokio::select! {
            waited = jobs.wait(&pipeline, id, timeout) => waited?,
            () = state.draining() => jobs.get(&pipeline, id).await?,
        },
        None => jobs.get(&pipeline, id).await?,
    };
    Ok(json::answer(StatusCode::OK, &JobView::from(job)))
}

async fn cancel(State(state): State<ApiState>, path: OfJob) -> Result<Response, ApiError> {
    let (pipeline, id) = parse(path)?;
    let job = state.services().jobs.cancel(&pipeline, id).await?;
    Ok(json::answer(StatusCode::OK, &JobView::from(job)))
}

async fn retry(State(state): State<ApiState>, path: OfJob) -> Result<Response, ApiError> {
    let (pipeline, id) = parse(path)?;
    let job = state.services().jobs.retry(&pipeline, id).await?;
    Ok(json::answer(StatusCode::ACCEPTED, &JobView::from(job)))
}

async fn follow(
    State(state): State<ApiState>,
    path: OfJob,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (pipeline, id) = parse(path)?;
    events::answer(&state, pipeline, id, &headers).await
}

fn parse(path: OfJob) -> Result<(String, JobId), ApiError> {
    let Path((pipeline, id)) = path.map_err(|_| ApiError::no_text())?;
    let id = JobId::parse(&id).ok_or_else(|| {
        ApiError::not_found("a job's id is a UUID, as the answer to its submission had it")
    })?;
    Ok((pipeline, id))
}
