//! Tasks over HTTP: the record of each run of a pipeline.

mod view;

use axum::extract::State;
use axum::response::Response;
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;
use hayrick_types::task::{TaskFilter, TaskStatus};
use serde::Deserialize;
use serde_json::json;

use self::view::{ListView, TaskView};
use crate::error::ApiError;
use crate::state::ApiState;
use crate::wire::json;
use crate::wire::params::{PathParams, QueryParams, cursor, one_of};
use crate::wire::times::duration;

/// Tasks of a page if the client does not say.
const LIMIT_DEFAULT: u32 = 100;
/// The most tasks of a page.
const LIMIT_MAX: u32 = 1000;

/// Which tasks to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    status: Option<String>,
    kind: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
}

/// Which tasks to delete.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteQuery {
    /// Seconds since they ended.
    older_than: Option<f64>,
}

impl ListQuery {
    fn filter(self) -> Result<TaskFilter, ApiError> {
        let statuses = TaskStatus::ALL.map(TaskStatus::as_str);
        let kinds = Export::ALL.map(Export::task);
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
        Ok(TaskFilter {
            status: one_of(
                "status",
                self.status.as_deref(),
                TaskStatus::parse,
                statuses,
            )?,
            kind: one_of("kind", self.kind.as_deref(), Export::of_task, kinds)?,
            before: cursor(self.before.as_deref(), RunId::parse)?,
            limit,
        })
    }
}

/// Lists the tasks of a pipeline.
pub(crate) async fn list(
    State(state): State<ApiState>,
    PathParams(pipeline): PathParams<String>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Response, ApiError> {
    let filter = query.filter()?;
    let page = state.services().tasks.list(&pipeline, filter).await?;
    // A removed pipeline still shows its tasks; one that never existed is an error.
    if page.tasks.is_empty() && state.runtime().pipeline(&pipeline).is_none() {
        return Err(ApiError::unknown_pipeline(&pipeline, "GET /status"));
    }
    let counts = state.services().tasks.counts(&pipeline).await?;
    Ok(json::ok(&ListView::new(page, counts)))
}

/// Shows a task.
pub(crate) async fn one(
    State(state): State<ApiState>,
    PathParams((pipeline, id)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    let task = match RunId::parse(&id) {
        Some(id) => state.services().tasks.get(&pipeline, id).await?,
        None => None,
    };
    let task = task.ok_or_else(|| {
        ApiError::not_found(
            "there is no such task: use the id in the header x-hayrick-run of the response; old \
             tasks are deleted",
        )
    })?;
    Ok(json::ok(&TaskView::from(task)))
}

/// Deletes the tasks that ended `older_than` seconds ago; running ones stay.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    PathParams(pipeline): PathParams<String>,
    QueryParams(query): QueryParams<DeleteQuery>,
) -> Result<Response, ApiError> {
    let age = query.older_than.and_then(duration).ok_or_else(|| {
        ApiError::invalid(
            "'older_than' is missing or invalid: send the seconds since the tasks ended, as in \
             DELETE …/tasks?older_than=3600; 0 deletes all that have ended",
            Some("older_than"),
        )
    })?;
    let deleted = state.services().tasks.delete_older(&pipeline, age).await?;
    if deleted == 0 && state.runtime().pipeline(&pipeline).is_none() {
        return Err(ApiError::unknown_pipeline(&pipeline, "GET /status"));
    }
    Ok(json::ok(&json!({"deleted": deleted})))
}
