//! What a running attempt writes, and whether it should end.

use hayrick_types::job::{Lease, Progress};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::column::integer;
use crate::jobs::error::JobError;
use crate::jobs::store::Notice;

const HELD: &str = "SELECT cancel_requested FROM jobs WHERE id = ?1 AND lease_token = ?2";
const REPORT: &str = "
    UPDATE jobs SET progress_done = ?3, progress_total = ?4, progress_message = ?5, revision = revision + 1
    WHERE id = ?1 AND lease_token = ?2";
const CHECKPOINT: &str = "
    INSERT INTO job_documents (job, part, body) SELECT id, 'checkpoint', ?3 FROM jobs WHERE id = ?1 AND lease_token = ?2
    ON CONFLICT DO UPDATE SET body = excluded.body";

/// Which of the attempts should end.
pub(super) fn notices(connection: &Connection, held: &[Lease]) -> Result<Vec<Notice>, JobError> {
    let mut statement = connection.prepare_cached(HELD)?;
    let mut notices = Vec::new();
    for lease in held {
        let keys = params![lease.id.to_string(), lease.token.to_string()];
        match statement.query_row(keys, |row| row.get(0)).optional()? {
            Some(false) => {}
            Some(true) => notices.push(Notice::CancelRequested(*lease)),
            None => notices.push(Notice::Lost(*lease)),
        }
    }
    Ok(notices)
}

/// Stores the attempt's progress.
pub(super) fn report(
    connection: &Connection,
    lease: Lease,
    progress: &Progress,
) -> Result<(), JobError> {
    let (id, token) = (lease.id.to_string(), lease.token.to_string());
    let (done, total) = (integer(progress.done), progress.total.map(integer));
    let changed = connection.prepare_cached(REPORT)?.execute(params![
        id,
        token,
        done,
        total,
        progress.message
    ])?;
    held(lease, changed)
}

/// Stores a document for the next attempt.
pub(super) fn checkpoint(
    connection: &Connection,
    lease: Lease,
    document: &str,
) -> Result<(), JobError> {
    let keys = params![lease.id.to_string(), lease.token.to_string(), document];
    let changed = connection.prepare_cached(CHECKPOINT)?.execute(keys)?;
    held(lease, changed)
}

/// A write that found no row came too late.
fn held(lease: Lease, changed: usize) -> Result<(), JobError> {
    if changed == 0 {
        Err(JobError::Lost { id: lease.id })
    } else {
        Ok(())
    }
}
