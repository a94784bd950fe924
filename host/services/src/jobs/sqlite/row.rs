//! Reads rows as jobs.

use std::time::Duration;

use hayrick_types::job::{Job, JobId, JobStatus, Progress};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::database::column;
use crate::jobs::error::JobError;

/// A query for whole jobs; `$which` selects them.
macro_rules! select_jobs {
    ($which:literal) => {
        concat!(
            "SELECT id, pipeline, kind, status, priority, run_at, attempt, attempts_max, crashes, timeout, created_at, started_at, ",
            "completed_at, cancel_requested, progress_done, progress_total, progress_message, error, revision, ",
            "(SELECT body FROM job_documents WHERE job = id AND part = 'data') AS data, ",
            "(SELECT body FROM job_documents WHERE job = id AND part = 'result') AS result ",
            "FROM jobs ",
            $which
        )
    };
}
pub(super) use select_jobs;

const ONE: &str = select_jobs!("WHERE id = ?1 AND pipeline = ?2");
const OF_LEASE: &str = select_jobs!("WHERE id = ?1");

/// The job of this id.
pub(super) fn job_of_pipeline(
    connection: &Connection,
    pipeline: &str,
    id: JobId,
) -> Result<Job, JobError> {
    let found = connection
        .prepare_cached(ONE)?
        .query_row(params![id.to_string(), pipeline], job)
        .optional()?;
    found.ok_or_else(|| JobError::NotFound {
        pipeline: pipeline.to_owned(),
        id,
    })
}

/// The job of this id, which exists.
pub(super) fn job_there(connection: &Connection, id: JobId) -> Result<Job, JobError> {
    Ok(connection
        .prepare_cached(OF_LEASE)?
        .query_row(params![id.to_string()], job)?)
}

/// Reads a row of [`select_jobs`].
pub(super) fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: column::parsed(row, "id", JobId::parse)?,
        pipeline: row.get("pipeline")?,
        kind: row.get("kind")?,
        data: row.get("data")?,
        status: column::parsed(row, "status", JobStatus::parse)?,
        priority: row.get("priority")?,
        attempt: row.get("attempt")?,
        attempts_max: row.get("attempts_max")?,
        crashes: row.get("crashes")?,
        timeout: Duration::from_millis(row.get("timeout")?),
        created_at: row.get("created_at")?,
        run_at: row.get("run_at")?,
        started_at: row.get("started_at")?,
        completed_at: row.get("completed_at")?,
        progress: progress(row)?,
        result: row.get("result")?,
        error: row.get("error")?,
        cancel_requested: row.get("cancel_requested")?,
        revision: row.get("revision")?,
    })
}

fn progress(row: &Row<'_>) -> rusqlite::Result<Option<Progress>> {
    let Some(done) = row.get("progress_done")? else {
        return Ok(None);
    };
    Ok(Some(Progress {
        done,
        total: row.get("progress_total")?,
        message: row.get("progress_message")?,
    }))
}
