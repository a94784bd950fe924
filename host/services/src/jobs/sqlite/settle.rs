//! Writes the end of an attempt.

use hayrick_types::job::{AttemptEnd, Job, JobId, Lease};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::jobs::attempt::{Outcome, Rules, Standing};
use crate::jobs::error::JobError;
use crate::jobs::sqlite::row::job_there;

const STANDING: &str = "
    SELECT attempt, attempts_max, crashes, crashes_alone, cancel_requested, run_at, error FROM jobs WHERE id = ?1 AND lease_token = ?2";
const SETTLE: &str = "
    UPDATE jobs SET
        status = ?2, attempt = ?3, crashes = ?4, run_at = ?5, is_due = ?6, error = ?7, completed_at = ?8,
        crashes_alone = ?9,
        lease_owner = NULL, lease_token = NULL, revision = revision + 1
    WHERE id = ?1";
const INSERT_RESULT: &str = "INSERT INTO job_documents (job, part, body) VALUES (?1, 'result', ?2)";

/// Ends the attempt that holds the job.
pub(super) fn finish(
    connection: &Connection,
    lease: Lease,
    end: AttemptEnd,
    rules: &Rules,
    now: u64,
) -> Result<Job, JobError> {
    let keys = params![lease.id.to_string(), lease.token.to_string()];
    let standing = connection
        .prepare_cached(STANDING)?
        .query_row(keys, standing)
        .optional()?
        .ok_or(JobError::Lost { id: lease.id })?;
    settle(connection, lease.id, &rules.ended(standing, end, now), now)?;
    job_there(connection, lease.id)
}

/// Reads the columns that the rules need.
pub(super) fn standing(row: &Row<'_>) -> rusqlite::Result<Standing> {
    Ok(Standing {
        attempt: row.get("attempt")?,
        attempts_max: row.get("attempts_max")?,
        crashes: row.get("crashes")?,
        crashes_alone: row.get("crashes_alone")?,
        cancel_requested: row.get("cancel_requested")?,
        run_at: row.get("run_at")?,
        error: row.get("error")?,
    })
}

/// Writes the outcome of a running job.
pub(super) fn settle(
    connection: &Connection,
    id: JobId,
    outcome: &Outcome,
    now: u64,
) -> Result<(), JobError> {
    let Outcome {
        status,
        attempt,
        crashes,
        crashes_alone,
        run_at,
        is_due,
        error,
        result,
    } = outcome;
    let completed_at = status.is_final().then_some(now);
    let columns = params![
        id.to_string(),
        status.as_str(),
        attempt,
        crashes,
        run_at,
        is_due,
        error,
        completed_at,
        crashes_alone
    ];
    connection.prepare_cached(SETTLE)?.execute(columns)?;
    if let Some(result) = result {
        connection
            .prepare_cached(INSERT_RESULT)?
            .execute(params![id.to_string(), result])?;
    }
    Ok(())
}
