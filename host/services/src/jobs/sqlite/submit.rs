//! New jobs.

use hayrick_types::clock::milliseconds;
use hayrick_types::job::{Job, Submitted};
use rusqlite::{Connection, OptionalExtension, params};

use crate::jobs::error::JobError;
use crate::jobs::sqlite::query;
use crate::jobs::sqlite::row::{job, job_there, select_jobs};
use crate::jobs::store::NewJob;

pub(super) const BY_KEY: &str = select_jobs!("WHERE pipeline = ?1 AND idempotency_key = ?2");
const INSERT: &str = "
    INSERT INTO jobs (id, pipeline, kind, idempotency_key, status, priority, is_due, run_at, attempts_max, timeout, created_at)
    VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8, ?9, ?10)";
const INSERT_DATA: &str = "INSERT INTO job_documents (job, part, body) VALUES (?1, 'data', ?2)";

/// Stores a job, unless its idempotency key has one already.
pub(super) fn submit(
    connection: &Connection,
    new: NewJob,
    now: u64,
    pending_max: u64,
) -> Result<Submitted, JobError> {
    if let Some(there) = of_key(connection, &new)? {
        let same = there.kind == new.kind && there.data == new.data;
        return if same {
            Ok(Submitted {
                job: there,
                created: false,
            })
        } else {
            Err(JobError::Conflict { id: there.id })
        };
    }
    query::room_for_one(
        connection,
        &new.pipeline,
        new.pending_max.unwrap_or(pending_max),
    )?;
    insert(connection, &new, now)?;
    Ok(Submitted {
        job: job_there(connection, new.id)?,
        created: true,
    })
}

fn of_key(connection: &Connection, new: &NewJob) -> Result<Option<Job>, JobError> {
    let Some(key) = &new.idempotency_key else {
        return Ok(None);
    };
    Ok(connection
        .prepare_cached(BY_KEY)?
        .query_row(params![new.pipeline, key], job)
        .optional()?)
}

fn insert(connection: &Connection, new: &NewJob, now: u64) -> Result<(), JobError> {
    let id = new.id.to_string();
    let run_at = now.saturating_add(milliseconds(new.delay));
    connection.prepare_cached(INSERT)?.execute(params![
        id,
        new.pipeline,
        new.kind,
        new.idempotency_key,
        new.priority,
        new.delay.is_zero(),
        run_at,
        new.attempts_max,
        milliseconds(new.timeout),
        now
    ])?;
    connection
        .prepare_cached(INSERT_DATA)?
        .execute(params![id, new.data])?;
    Ok(())
}
