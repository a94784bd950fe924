//! Final jobs are forgotten, a few at a time, and the space they leave goes back to the file
//! system.

use hayrick_types::job::JobStatus;
use hayrick_types::settings::jobs::Retention;
use rusqlite::{Connection, params};

use crate::database::Database;
use crate::jobs::error::JobError;
use crate::jobs::span::milliseconds;
use crate::jobs::sqlite::row::word;

/// Jobs of one transaction: others wait for it, and each job may have megabytes.
const CHUNK: usize = 100;
/// Pages of one transaction, 1 MiB.
const PAGES: u32 = 256;
/// Free pages that stay in the file for the next jobs, 4 MiB.
const FREE_PAGES_KEPT: u64 = 1024;

const PILES: &str = "SELECT pipeline, status FROM job_counts WHERE status IN ('completed', 'failed', 'cancelled') AND jobs > 0";
const PILE_SIZE: &str = "SELECT jobs FROM job_counts WHERE pipeline = ?1 AND status = ?2";
pub(super) const DELETE_FIRST: &str = "
    DELETE FROM jobs WHERE id IN (
        SELECT id FROM jobs INDEXED BY jobs_final
        WHERE pipeline = ?1 AND status = ?2 AND completed_at < ?3 ORDER BY completed_at LIMIT ?4)";

/// The final jobs of one pipeline and status.
#[derive(Clone)]
struct Pile {
    pipeline: String,
    status: JobStatus,
}

/// Forgets what was kept long enough at `now`; how many jobs that was.
pub(super) async fn sweep(
    database: &Database,
    retention: Retention,
    now: u64,
) -> Result<usize, JobError> {
    let mut swept = 0;
    for pile in database.read(|connection| piles(connection)).await? {
        loop {
            let pile = pile.clone();
            let chunk = database
                .write(move |connection| sweep_chunk(connection, &pile, &retention, now))
                .await?;
            swept += chunk;
            if chunk < CHUNK {
                break;
            }
        }
    }
    give_space_back(database).await?;
    Ok(swept)
}

fn piles(connection: &Connection) -> Result<Vec<Pile>, JobError> {
    let mut statement = connection.prepare_cached(PILES)?;
    let piles = statement.query_map([], |row| {
        Ok(Pile {
            pipeline: row.get("pipeline")?,
            status: word(row, "status", JobStatus::parse)?,
        })
    })?;
    Ok(piles.collect::<rusqlite::Result<_>>()?)
}

/// Deletes what is too old, then what is too much; fewer than [`CHUNK`] if that was all.
fn sweep_chunk(
    connection: &Connection,
    pile: &Pile,
    retention: &Retention,
    now: u64,
) -> Result<usize, JobError> {
    let Some(age_max) = retention.age_max(pile.status) else {
        return Ok(0);
    };
    let (pipeline, status) = (&pile.pipeline, pile.status.as_str());
    let mut delete = connection.prepare_cached(DELETE_FIRST)?;
    let old = delete.execute(params![
        pipeline,
        status,
        now.saturating_sub(milliseconds(age_max)),
        CHUNK
    ])?;
    let size: u64 = connection
        .prepare_cached(PILE_SIZE)?
        .query_row(params![pipeline, status], |row| row.get(0))?;
    let excess = usize::try_from(size.saturating_sub(retention.kept_max)).unwrap_or(usize::MAX);
    let too_many = delete.execute(params![pipeline, status, i64::MAX, excess.min(CHUNK - old)])?;
    Ok(old + too_many)
}

async fn give_space_back(database: &Database) -> Result<(), JobError> {
    let mut before = u64::MAX;
    loop {
        let free = database.write(shrink).await?;
        // A file that does not shrink was made without the setting that lets it.
        if free <= FREE_PAGES_KEPT || free >= before {
            return Ok(());
        }
        before = free;
    }
}

/// Cuts some free pages off the file, if it has more than enough; how many are left.
fn shrink(connection: &Connection) -> Result<u64, JobError> {
    let free_pages = || connection.pragma_query_value(None, "freelist_count", |row| row.get(0));
    if free_pages()? > FREE_PAGES_KEPT {
        // It gives a row for each page, and stops where its reader does.
        connection.pragma(None, "incremental_vacuum", PAGES, |_| Ok(()))?;
    }
    Ok(free_pages()?)
}
