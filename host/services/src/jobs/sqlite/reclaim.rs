//! Takes back the jobs that dead processes left running.

use hayrick_types::job::{JobId, OwnerId};
use rusqlite::{Connection, Row, params};

use crate::database::column;
use crate::jobs::attempt::{Rules, SUSPECT_CRASHES, Standing};
use crate::jobs::error::JobError;
use crate::jobs::sqlite::settle::{settle, standing};
use crate::jobs::store::Reclaimed;

/// The index holds running jobs only, so it is small.
pub(super) const ORPHANS: &str = "
    SELECT id, pipeline, attempt, attempts_max, crashes, crashes_alone, cancel_requested, run_at, error FROM jobs INDEXED BY jobs_running
    WHERE status = 'running' AND lease_owner <> ?1";

/// A running job and its pipeline.
type Orphan = (JobId, String, Standing);

/// Takes back all that other owners hold.
pub(super) fn reclaim(
    connection: &Connection,
    owner: OwnerId,
    rules: &Rules,
    now: u64,
) -> Result<Vec<Reclaimed>, JobError> {
    let mut statement = connection.prepare_cached(ORPHANS)?;
    let orphans = statement
        .query_map(params![owner.to_string()], orphan)?
        .collect::<rusqlite::Result<Vec<Orphan>>>()?;
    let of_suspects = orphans.iter().filter(|orphan| is_suspect(orphan)).count();
    let of_all = orphans.len();
    let take_back = |orphan: Orphan| {
        let candidates = if is_suspect(&orphan) {
            of_suspects
        } else {
            of_all
        };
        let (id, pipeline, standing) = orphan;
        let outcome = rules.died(standing, candidates == 1);
        settle(connection, id, &outcome, now)?;
        Ok(Reclaimed {
            id,
            pipeline,
            status: outcome.status,
            crashes: outcome.crashes,
            crashes_alone: outcome.crashes_alone,
        })
    };
    orphans.into_iter().map(take_back).collect()
}

fn is_suspect((_, _, standing): &Orphan) -> bool {
    standing.crashes >= SUSPECT_CRASHES
}

fn orphan(row: &Row<'_>) -> rusqlite::Result<Orphan> {
    Ok((
        column::parsed(row, "id", JobId::parse)?,
        row.get("pipeline")?,
        standing(row)?,
    ))
}
