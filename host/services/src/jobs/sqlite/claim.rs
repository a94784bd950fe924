//! Begins attempts.

use std::cmp::Reverse;

use hayrick_types::job::{Claimed, JobId, LeaseToken, OwnerId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::database::column;
use crate::jobs::error::JobError;
use crate::jobs::sqlite::row::job_there;
use crate::jobs::store::Claim;

/// Jobs that one claim marks as due. If there are more, the next claim follows at once.
const DUE_MAX: usize = 1000;

pub(super) const FIND_DUE: &str = "
    UPDATE jobs SET is_due = 1 WHERE id IN (
        SELECT id FROM jobs INDEXED BY jobs_delayed
        WHERE status = 'pending' AND is_due = 0 AND run_at <= ?1 ORDER BY run_at LIMIT ?2)";
// SQLite uses these indexes only for the literal that they have: SUSPECT_CRASHES is 2.
pub(super) const FIRST: &str = "
    SELECT id, priority, run_at FROM jobs INDEXED BY jobs_due
    WHERE status = 'pending' AND is_due = 1 AND pipeline = ?1 AND crashes < 2
    ORDER BY priority DESC, run_at, id LIMIT ?2";
pub(super) const FIRST_SUSPECT: &str = "
    SELECT id, priority, run_at FROM jobs INDEXED BY jobs_suspect
    WHERE status = 'pending' AND is_due = 1 AND pipeline = ?1 AND crashes >= 2
    ORDER BY priority DESC, run_at, id LIMIT 1";
const RUNS_SUSPECT: &str = "
    SELECT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_running
    WHERE status = 'running' AND crashes >= 2)";
const BEGIN: &str = "
    UPDATE jobs SET
        status = 'running', attempt = attempt + 1, started_at = ?2, lease_owner = ?3, lease_token = ?4,
        progress_done = NULL, progress_total = NULL, progress_message = NULL, revision = revision + 1
    WHERE id = ?1";
const CHECKPOINT: &str = "SELECT body FROM job_documents WHERE job = ?1 AND part = 'checkpoint'";

/// Orders jobs as they are to run.
type Turn = (Reverse<i16>, u64, JobId);

/// Takes the first jobs of all pipelines with free places.
pub(super) fn claim(
    connection: &Connection,
    claim: &Claim,
    now: u64,
) -> Result<Vec<Claimed>, JobError> {
    connection
        .prepare_cached(FIND_DUE)?
        .execute(params![now, DUE_MAX])?;
    let suspect = suspect(connection, claim)?;
    let mut turns: Vec<Turn> = Vec::new();
    let mut first = connection.prepare_cached(FIRST)?;
    for (pipeline, slots) in &claim.wanted {
        let found = first.query_map(params![pipeline, slots.min(&claim.slots)], turn)?;
        let mut own = found.collect::<rusqlite::Result<Vec<Turn>>>()?;
        own.extend(
            suspect
                .filter(|(of, _)| *of == pipeline)
                .map(|(_, turn)| turn),
        );
        own.sort_unstable();
        own.truncate(*slots);
        turns.extend(own);
    }
    turns.sort_unstable();
    turns
        .into_iter()
        .take(claim.slots)
        .map(|(_, _, id)| begin(connection, id, claim.owner, now))
        .collect()
}

/// The first of the jobs that may have made the host die, and its pipeline; `None` while another
/// one runs.
fn suspect<'a>(
    connection: &Connection,
    claim: &'a Claim,
) -> Result<Option<(&'a String, Turn)>, JobError> {
    let mut running = connection.prepare_cached(RUNS_SUSPECT)?;
    if running.query_row([], |row| row.get(0))? {
        return Ok(None);
    }
    let mut first = connection.prepare_cached(FIRST_SUSPECT)?;
    let mut found: Option<(&String, Turn)> = None;
    for (pipeline, _) in claim.wanted.iter().filter(|(_, slots)| **slots > 0) {
        if let Some(turn) = first.query_row(params![pipeline], turn).optional()?
            && found.is_none_or(|(_, earlier)| turn < earlier)
        {
            found = Some((pipeline, turn));
        }
    }
    Ok(found)
}

fn turn(row: &Row<'_>) -> rusqlite::Result<Turn> {
    Ok((
        Reverse(row.get("priority")?),
        row.get("run_at")?,
        column::parsed(row, "id", JobId::parse)?,
    ))
}

fn begin(
    connection: &Connection,
    id: JobId,
    owner: OwnerId,
    now: u64,
) -> Result<Claimed, JobError> {
    let token = LeaseToken::fresh();
    connection.prepare_cached(BEGIN)?.execute(params![
        id.to_string(),
        now,
        owner.to_string(),
        token.to_string()
    ])?;
    let checkpoint = connection
        .prepare_cached(CHECKPOINT)?
        .query_row(params![id.to_string()], |row| row.get(0))
        .optional()?;
    Ok(Claimed {
        job: job_there(connection, id)?,
        token,
        checkpoint,
    })
}
