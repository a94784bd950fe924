//! New jobs.

use hayrick_types::clock::milliseconds;
use hayrick_types::job::{Job, JobStatus, Submitted};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use crate::jobs::error::JobError;
use crate::jobs::sqlite::query;
use crate::jobs::sqlite::row::{job, job_there, select_jobs};
use crate::jobs::store::NewJob;

pub(super) const BY_KEY: &str = select_jobs!("WHERE pipeline = ?1 AND idempotency_key = ?2");
const INSERT: &str = "
    INSERT INTO jobs (id, pipeline, kind, idempotency_key, status, priority, is_due, run_at, attempts_max, timeout, created_at)
    VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8, ?9, ?10)";
const INSERT_DATA: &str = "INSERT INTO job_documents (job, part, body) VALUES (?1, 'data', ?2)";

const FORGET_KEY: &str = "UPDATE jobs SET idempotency_key = NULL WHERE id = ?1";

/// Stores a job, unless its idempotency key has one already.
pub(super) fn submit(
    connection: &Connection,
    new: NewJob,
    now: u64,
    pending_max: u64,
) -> Result<Submitted, JobError> {
    if let Some(there) = of_key(connection, &new)? {
        // A cancelled job will never run: its key is free again, for any data.
        if there.status == JobStatus::Cancelled {
            connection
                .prepare_cached(FORGET_KEY)?
                .execute(params![there.id.to_string()])?;
            return submit(connection, new, now, pending_max);
        }
        let same = there.kind == new.kind && is_same(&there.data, &new.data);
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

/// Whether two documents say the same, whatever the order of their members and however a number is
/// written: some languages write an object in another order each time.
fn is_same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let parse = |text| serde_json::from_str::<Value>(text).ok();
    match (parse(one), parse(other)) {
        (Some(one), Some(other)) => are_equal(&one, &other),
        _ => false,
    }
}

fn are_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let is_whole = one.is_f64() || other.is_f64();
            one == other || is_whole && one.as_f64() == other.as_f64()
        }
        (Value::Array(ones), Value::Array(others)) => {
            let mut pairs = ones.iter().zip(others);
            ones.len() == others.len() && pairs.all(|(one, other)| are_equal(one, other))
        }
        (Value::Object(ones), Value::Object(others)) => {
            let is_there = |(name, one): (&String, &Value)| {
                others.get(name).is_some_and(|other| are_equal(one, other))
            };
            ones.len() == others.len() && ones.iter().all(is_there)
        }
        (one, other) => one == other,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_compared_by_what_they_say() {
        for (one, other, expected) in [
            (
                r#"{"a":1,"b":[2,{"c":3,"d":4}]}"#,
                r#"{"b":[2.0,{"d":4,"c":3e0}],"a":1}"#,
                true,
            ),
            (r#""\u00e4""#, "\"ä\"", true),
            ("{}", r#"{"a":null}"#, false),
            ("[1,2]", "[2,1]", false),
            ("1", "\"1\"", false),
            ("9007199254740993", "9007199254740992", false),
        ] {
            assert_eq!(is_same(one, other), expected, "{one} {other}");
        }
    }
}
