//! Queries.

use hayrick_types::job::{Job, JobCounts, JobFilter, JobPage, JobStatus};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::column;
use crate::jobs::error::JobError;
use crate::jobs::sqlite::row::{job, select_jobs};

pub(super) const NEWEST: &str = select_jobs!(
    "INDEXED BY jobs_newest WHERE pipeline = ?1 AND id < ?2 AND (?3 IS NULL OR kind = ?3) AND ?4 IS NULL ORDER BY id DESC LIMIT ?5"
);
pub(super) const NEWEST_OF_STATUS: &str = select_jobs!(
    "INDEXED BY jobs_newest_of_status
     WHERE pipeline = ?1 AND id < ?2 AND (?3 IS NULL OR kind = ?3) AND status = ?4 ORDER BY id DESC LIMIT ?5"
);
pub(super) const NEXT_DUE: &str = "
    SELECT run_at FROM jobs INDEXED BY jobs_delayed WHERE status = 'pending' AND is_due = 0 ORDER BY run_at LIMIT 1";
const COUNTS: &str = "SELECT status, jobs FROM job_counts WHERE pipeline = ?1";
const PENDING: &str = "SELECT jobs FROM job_counts WHERE pipeline = ?1 AND status = 'pending'";

const ALL_PENDING: &str = "
    SELECT pipeline, jobs FROM job_counts WHERE status = 'pending' AND jobs > 0 ORDER BY pipeline";

/// Greater than every id.
const AFTER_EVERY_ID: &str = "~";

/// One page; it ends early when it has grown to `bytes_max`.
pub(super) fn list(
    connection: &Connection,
    filter: &JobFilter,
    bytes_max: usize,
) -> Result<JobPage, JobError> {
    let mut statement = connection.prepare_cached(if filter.status.is_some() {
        NEWEST_OF_STATUS
    } else {
        NEWEST
    })?;
    let before = filter
        .before
        .map_or_else(|| AFTER_EVERY_ID.to_owned(), |id| id.to_string());
    let status = filter.status.map(JobStatus::as_str);
    // One more than is returned shows whether there is another page.
    let mut rows = statement.query(params![
        filter.pipeline,
        before,
        filter.kind,
        status,
        filter.limit.saturating_add(1)
    ])?;
    let (mut page, mut bytes) = (JobPage::default(), 0);
    while let Some(row) = rows.next()? {
        let job = job(row)?;
        let fits = page.jobs.is_empty() || bytes + size(&job) <= bytes_max;
        if page.jobs.len() >= filter.limit || !fits {
            page.next = page.jobs.last().map(|last: &Job| last.id);
            break;
        }
        bytes += size(&job);
        page.jobs.push(job);
    }
    Ok(page)
}

/// Bytes of the texts of a job.
fn size(job: &Job) -> usize {
    let message = job
        .progress
        .as_ref()
        .and_then(|progress| progress.message.as_ref());
    let texts = [job.result.as_ref(), job.error.as_ref(), message];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    job.kind.len() + job.data.len() + texts
}

/// How many jobs the pipeline has.
pub(super) fn counts(connection: &Connection, pipeline: &str) -> Result<JobCounts, JobError> {
    let mut counts = JobCounts::default();
    let mut statement = connection.prepare_cached(COUNTS)?;
    let mut rows = statement.query(params![pipeline])?;
    while let Some(row) = rows.next()? {
        *counts.of(column::parsed(row, "status", JobStatus::parse)?) = row.get("jobs")?;
    }
    Ok(counts)
}

/// The pipelines with pending jobs.
pub(super) fn pending(connection: &Connection) -> Result<Vec<(String, u64)>, JobError> {
    let mut statement = connection.prepare_cached(ALL_PENDING)?;
    let rows = statement.query_map([], |row| Ok((row.get("pipeline")?, row.get("jobs")?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Checks that one more job of the pipeline may be pending.
pub(super) fn room_for_one(
    connection: &Connection,
    pipeline: &str,
    pending_max: u64,
) -> Result<(), JobError> {
    let pending: Option<u64> = connection
        .prepare_cached(PENDING)?
        .query_row(params![pipeline], |row| row.get(0))
        .optional()?;
    let is_full = pending.unwrap_or(0) >= pending_max;
    if is_full {
        Err(JobError::Full {
            pipeline: pipeline.to_owned(),
            pending_max,
        })
    } else {
        Ok(())
    }
}

/// When the next job becomes due that no claim has found due.
pub(super) fn next_due(connection: &Connection) -> Result<Option<u64>, JobError> {
    Ok(connection
        .prepare_cached(NEXT_DUE)?
        .query_row([], |row| row.get(0))
        .optional()?)
}
