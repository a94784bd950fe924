//! Tasks over HTTP: what is known of each run of a pipeline.

mod view;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;
use hayrick_types::task::{TaskFilter, TaskStatus};
use serde::Deserialize;
use serde_json::json;

use self::view::{ListView, TaskView};
use crate::error::ApiError;
use crate::json;
use crate::state::ApiState;
use crate::times::span;

/// Tasks of a page when nobody says how many.
const LIMIT_DEFAULT: u32 = 100;
/// The most tasks of a page.
const LIMIT_MAX: u32 = 1000;

/// The routes of this protocol.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/{pipeline}/tasks", get(list).delete(delete))
        .route("/{pipeline}/tasks/{id}", get(one))
}

/// Which tasks are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    status: Option<String>,
    kind: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
}

/// Which tasks are to go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteQuery {
    /// Seconds since their end.
    older_than: Option<f64>,
}

impl ListQuery {
    fn filter(self) -> Result<TaskFilter, ApiError> {
        let status = self
            .status
            .map(|word| TaskStatus::parse(&word).ok_or_else(no_status))
            .transpose()?;
        let kind = self
            .kind
            .map(|word| Export::of_task(&word).ok_or_else(no_kind))
            .transpose()?;
        let before = self
            .before
            .map(|word| RunId::parse(&word).ok_or_else(no_cursor))
            .transpose()?;
        Ok(TaskFilter {
            status,
            kind,
            before,
            limit: self.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX),
        })
    }
}

fn no_status() -> ApiError {
    ApiError::invalid(
        format!(
            "'status' is one of {}",
            TaskStatus::ALL.map(TaskStatus::as_str).join(", ")
        ),
        Some("status"),
    )
}

fn no_kind() -> ApiError {
    ApiError::invalid(
        format!(
            "'kind' is one of {}",
            Export::ALL.map(Export::task).join(", ")
        ),
        Some("kind"),
    )
}

fn no_cursor() -> ApiError {
    ApiError::invalid(
        "'before' is a task's id: the 'next' of the page before",
        Some("before"),
    )
}

async fn list(
    State(state): State<ApiState>,
    pipeline: Result<Path<String>, PathRejection>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Path(pipeline) = pipeline.map_err(|_| ApiError::no_text())?;
    let Query(query) =
        query.map_err(|error| ApiError::invalid(format!("the query is wrong: {error}"), None))?;
    let filter = query.filter()?;
    let limit = filter.limit;
    let tasks = state.services().tasks.list(&pipeline, filter).await?;
    // A pipeline that is gone still shows its tasks; one that never was is an error.
    if tasks.is_empty() && state.runtime().pipeline(&pipeline).is_none() {
        return Err(ApiError::no_pipeline(&pipeline, "GET /status"));
    }
    let counts = state.services().tasks.counts(&pipeline).await?;
    Ok(json::answer(
        StatusCode::OK,
        &ListView::new(tasks, counts, limit),
    ))
}

async fn one(
    State(state): State<ApiState>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((pipeline, id)) = path.map_err(|_| ApiError::no_text())?;
    let found = match RunId::parse(&id) {
        Some(id) => state.services().tasks.get(&pipeline, id).await?,
        None => None,
    };
    let task = found.ok_or_else(|| {
        ApiError::not_found(
            "there is no such task: its id is in the header x-hayrick-run of the answer, and tasks are forgotten after a time",
        )
    })?;
    Ok(json::answer(StatusCode::OK, &TaskView::from(task)))
}

/// Forgets tasks that ended `older_than` seconds ago; those that run stay.
async fn delete(
    State(state): State<ApiState>,
    pipeline: Result<Path<String>, PathRejection>,
    query: Result<Query<DeleteQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Path(pipeline) = pipeline.map_err(|_| ApiError::no_text())?;
    let Query(query) =
        query.map_err(|error| ApiError::invalid(format!("the query is wrong: {error}"), None))?;
    let age = query.older_than.and_then(span).ok_or_else(|| {
        ApiError::invalid(
            "say how old, in seconds since their end: DELETE …/tasks?older_than=3600; 0 takes all that have ended",
            Some("older_than"),
        )
    })?;
    let deleted = state.services().tasks.delete_older(&pipeline, age).await?;
    if deleted == 0 && state.runtime().pipeline(&pipeline).is_none() {
        return Err(ApiError::no_pipeline(&pipeline, "GET /status"));
    }
    Ok(json::answer(StatusCode::OK, &json!({"deleted": deleted})))
}
