//! Cancels and retries jobs for clients.

use hayrick_types::job::{Job, JobId};
use rusqlite::{Connection, params};

use crate::jobs::error::JobError;
use crate::jobs::sqlite::query;
use crate::jobs::sqlite::row::{job_of_pipeline, job_there};

const CANCEL: &str = "
    UPDATE jobs SET
        status = CASE status WHEN 'pending' THEN 'cancelled' ELSE status END,
        completed_at = CASE status WHEN 'pending' THEN ?3 END,
        cancel_requested = 1, revision = revision + 1
    WHERE id = ?1 AND pipeline = ?2 AND status IN ('pending', 'running') AND cancel_requested = 0";
const RETRY: &str = "
    UPDATE jobs SET
        status = 'pending', is_due = 1, run_at = ?3, attempt = 0, crashes = 0, crashes_alone = 0, started_at = NULL, completed_at = NULL, cancel_requested = 0,
        progress_done = NULL, progress_total = NULL, progress_message = NULL, error = NULL, revision = revision + 1
    WHERE id = ?1 AND pipeline = ?2 AND status IN ('failed', 'cancelled')";

/// Cancels a pending job, marks a running one.
pub(super) fn cancel(
    connection: &Connection,
    pipeline: &str,
    id: JobId,
    now: u64,
) -> Result<Job, JobError> {
    connection
        .prepare_cached(CANCEL)?
        .execute(params![id.to_string(), pipeline, now])?;
    job_of_pipeline(connection, pipeline, id)
}

/// Makes a failed or cancelled job pending.
pub(super) fn retry(
    connection: &Connection,
    pipeline: &str,
    id: JobId,
    now: u64,
    pending_max: u64,
) -> Result<Job, JobError> {
    let changed =
        connection
            .prepare_cached(RETRY)?
            .execute(params![id.to_string(), pipeline, now])?;
    if changed == 0 {
        let there = job_of_pipeline(connection, pipeline, id)?;
        return Err(JobError::NotRetryable {
            id,
            status: there.status,
        });
    }
    // It counts as pending already; an error takes that back.
    query::room_for_one(connection, pipeline, pending_max.saturating_add(1))?;
    job_there(connection, id)
}
