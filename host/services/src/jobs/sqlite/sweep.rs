//! Deletes final jobs, a few at a time, and returns their space to the file system.

use hayrick_types::clock::milliseconds;
use hayrick_types::job::JobStatus;
use hayrick_types::settings::jobs::Retention;
use rusqlite::{Connection, params};

use crate::database::{Database, column};
use crate::jobs::error::JobError;

/// Jobs of one transaction: other writes wait for it, and each job may have megabytes.
const CHUNK: usize = 100;
/// Pages of one transaction, 1 MiB.
const PAGES: u32 = 256;
/// Free pages that stay in the file for the next jobs, 4 MiB.
const FREE_PAGES_KEPT: u64 = 1024;

const GROUPS: &str = "SELECT pipeline, status FROM job_counts WHERE status IN ('completed', 'failed', 'cancelled') AND jobs > 0";
const GROUP_SIZE: &str = "SELECT jobs FROM job_counts WHERE pipeline = ?1 AND status = ?2";
pub(super) const DELETE_FIRST: &str = "
    DELETE FROM jobs WHERE id IN (
        SELECT id FROM jobs INDEXED BY jobs_final
        WHERE pipeline = ?1 AND status = ?2 AND completed_at < ?3 ORDER BY completed_at LIMIT ?4)";

/// The final jobs of one pipeline and status.
struct FinalJobs {
    pipeline: String,
    status: JobStatus,
}

/// Deletes what was kept long enough at `now`, and returns how many jobs.
pub(super) async fn sweep(
    database: &Database,
    retention: Retention,
    now: u64,
) -> Result<u64, JobError> {
    let mut swept = 0;
    for group in database.read(|connection| groups(connection)).await? {
        let sweep = move |connection: &_| sweep_chunk(connection, &group, &retention, now);
        swept += database.write_in_chunks(CHUNK, sweep).await?;
    }
    give_space_back(database).await?;
    Ok(swept)
}

fn groups(connection: &Connection) -> Result<Vec<FinalJobs>, JobError> {
    let mut statement = connection.prepare_cached(GROUPS)?;
    let groups = statement.query_map([], |row| {
        Ok(FinalJobs {
            pipeline: row.get("pipeline")?,
            status: column::parsed(row, "status", JobStatus::parse)?,
        })
    })?;
    Ok(groups.collect::<rusqlite::Result<_>>()?)
}

/// Deletes jobs that are too old, then jobs that are too many; returns fewer than [`CHUNK`] at the
/// end.
fn sweep_chunk(
    connection: &Connection,
    group: &FinalJobs,
    retention: &Retention,
    now: u64,
) -> Result<usize, JobError> {
    let Some(age_max) = retention.age_max(group.status) else {
        return Ok(0);
    };
    let (pipeline, status) = (&group.pipeline, group.status.as_str());
    let mut delete = connection.prepare_cached(DELETE_FIRST)?;
    let old = delete.execute(params![
        pipeline,
        status,
        now.saturating_sub(milliseconds(age_max)),
        CHUNK
    ])?;
    let size: u64 = connection
        .prepare_cached(GROUP_SIZE)?
        .query_row(params![pipeline, status], |row| row.get(0))?;
    let excess = usize::try_from(size.saturating_sub(retention.kept_max)).unwrap_or(usize::MAX);
    let too_many = delete.execute(params![pipeline, status, i64::MAX, excess.min(CHUNK - old)])?;
    Ok(old + too_many)
}

async fn give_space_back(database: &Database) -> Result<(), JobError> {
    let mut before = u64::MAX;
    loop {
        let free = database.write(shrink).await?;
        // A file that does not shrink was created without incremental vacuum.
        if free <= FREE_PAGES_KEPT || free >= before {
            return Ok(());
        }
        before = free;
    }
}

/// Truncates some free pages if there are more than enough, and returns how many are left.
fn shrink(connection: &Connection) -> Result<u64, JobError> {
    let free_pages = || connection.pragma_query_value(None, "freelist_count", |row| row.get(0));
    if free_pages()? > FREE_PAGES_KEPT {
        // It returns a row for each page, and stops when its reader does.
        connection.pragma(None, "incremental_vacuum", PAGES, |_| Ok(()))?;
    }
    Ok(free_pages()?)
}
