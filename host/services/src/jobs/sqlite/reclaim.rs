//! Takes back the jobs that dead processes left running.

use hayrick_types::job::{JobId, OwnerId};
use rusqlite::{Connection, Row, params};

use crate::database::column;
use crate::jobs::attempt::{Rules, Standing};
use crate::jobs::error::JobError;
use crate::jobs::sqlite::settle::{settle, standing};
use crate::jobs::store::Reclaimed;

/// The index holds running jobs only, so it is small.
pub(super) const ORPHANS: &str = "
    SELECT id, pipeline, attempt, attempts_max, crashes, cancel_requested, run_at, error FROM jobs INDEXED BY jobs_running
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
    let take_back = |(id, pipeline, standing): Orphan| {
        let outcome = rules.died(standing);
        settle(connection, id, &outcome, now)?;
        Ok(Reclaimed {
            id,
            pipeline,
            status: outcome.status,
            crashes: outcome.crashes,
        })
    };
    orphans.into_iter().map(take_back).collect()
}

fn orphan(row: &Row<'_>) -> rusqlite::Result<Orphan> {
    Ok((
        column::parsed(row, "id", JobId::parse)?,
        row.get("pipeline")?,
        standing(row)?,
    ))
}
