//! The statements for state. Times are Unix times in milliseconds; an expired entry counts as
//! deleted.

use hayrick_types::settings::state::StateQuota;
use hayrick_types::state::StateEntry;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::state::error::StateError;

const GET: &str = "SELECT revision, value FROM state_entry \
    WHERE pipeline = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";
const REVISION: &str = "SELECT revision FROM state_entry \
    WHERE pipeline = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";
const KEYS: &str = "SELECT key FROM state_entry \
    WHERE pipeline = ?1 AND key >= ?2 AND (expires_at IS NULL OR expires_at > ?3) ORDER BY key";
const INSERT: &str =
    "INSERT INTO state_entry (pipeline, key, expires_at, value) VALUES (?1, ?2, ?3, ?4)";
const DELETE: &str = "DELETE FROM state_entry WHERE pipeline = ?1 AND key = ?2 RETURNING expires_at IS NULL OR expires_at > ?3";
const USAGE: &str = "SELECT keys, bytes FROM state_usage WHERE pipeline = ?1";
const MAKE_ROOM: &str = "DELETE FROM state_entry WHERE revision IN \
    (SELECT revision FROM state_entry WHERE pipeline = ?1 AND expires_at <= ?2 ORDER BY expires_at LIMIT ?3)";
/// The pipelines are gone through first, so that one index serves both this and `MAKE_ROOM`.
const SWEEP: &str = "DELETE FROM state_entry WHERE revision IN \
    (SELECT revision FROM state_usage AS usage CROSS JOIN state_entry AS entry \
    ON entry.pipeline = usage.pipeline AND entry.expires_at <= ?1 LIMIT ?2)";

/// Expired entries that are deleted at a time when a pipeline needs room.
const MAKE_ROOM_CHUNK: u32 = 16;

/// An entry to be written.
pub(super) struct Write {
    pub(super) pipeline: String,
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    pub(super) expires_at: Option<u64>,
}

/// What the entries of a pipeline use, expired ones included until they are swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) keys: u64,
    /// Of keys and values.
    pub(super) bytes: u64,
}

pub(super) fn get(
    connection: &Connection,
    pipeline: &str,
    key: &str,
    now: u64,
) -> rusqlite::Result<Option<StateEntry>> {
    let read = |row: &Row<'_>| {
        Ok(StateEntry {
            revision: row.get(0)?,
            value: row.get(1)?,
        })
    };
    connection
        .prepare_cached(GET)?
        .query_row(params![pipeline, key, now], read)
        .optional()
}

/// The revision of an entry; `None` if it does not exist.
pub(super) fn revision(
    connection: &Connection,
    pipeline: &str,
    key: &str,
    now: u64,
) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached(REVISION)?
        .query_row(params![pipeline, key, now], |row| row.get(0))
        .optional()
}

/// The first `limit` keys that begin with `prefix` and come after `after`.
pub(super) fn keys(
    connection: &Connection,
    pipeline: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    now: u64,
) -> rusqlite::Result<Vec<String>> {
    // Keys are ordered by their bytes, so those of one prefix are adjacent.
    let from = after.map_or(prefix, |after| after.max(prefix));
    let mut statement = connection.prepare_cached(KEYS)?;
    let mut rows = statement.query(params![pipeline, from, now])?;
    let mut keys = Vec::new();
    while keys.len() < limit
        && let Some(row) = rows.next()?
    {
        let key: String = row.get(0)?;
        if !key.starts_with(prefix) {
            break;
        }
        if Some(key.as_str()) != after {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Writes an entry, replaces the old one, and returns the new revision.
pub(super) fn put(
    connection: &Connection,
    write: &Write,
    quota: &StateQuota,
    now: u64,
) -> Result<u64, StateError> {
    // If there is no room, the whole operation is rolled back, including this.
    delete(connection, &write.pipeline, &write.key, now)?;
    make_room(connection, write, quota, now)?;
    connection.prepare_cached(INSERT)?.execute(params![
        write.pipeline,
        write.key,
        write.expires_at,
        write.value
    ])?;
    Ok(connection.last_insert_rowid().unsigned_abs())
}

/// Deletes an entry; whether it existed.
pub(super) fn delete(
    connection: &Connection,
    pipeline: &str,
    key: &str,
    now: u64,
) -> rusqlite::Result<bool> {
    let was_there = connection
        .prepare_cached(DELETE)?
        .query_row(params![pipeline, key, now], |row| row.get(0))
        .optional()?;
    Ok(was_there.unwrap_or(false))
}

/// Makes room for an entry by deleting expired ones.
fn make_room(
    connection: &Connection,
    write: &Write,
    quota: &StateQuota,
    now: u64,
) -> Result<(), StateError> {
    let bytes =
        u64::try_from(write.key.len().saturating_add(write.value.len())).unwrap_or(u64::MAX);
    loop {
        let usage = usage(connection, &write.pipeline)?;
        let refusal = if usage.keys >= quota.keys_max {
            StateError::Keys(quota.keys_max)
        } else if usage.bytes.saturating_add(bytes) > quota.bytes_max {
            StateError::Bytes(quota.bytes_max)
        } else {
            return Ok(());
        };
        if connection.prepare_cached(MAKE_ROOM)?.execute(params![
            write.pipeline,
            now,
            MAKE_ROOM_CHUNK
        ])? == 0
        {
            return Err(refusal);
        }
    }
}

pub(super) fn usage(connection: &Connection, pipeline: &str) -> rusqlite::Result<Usage> {
    let read = |row: &Row<'_>| {
        Ok(Usage {
            keys: row.get(0)?,
            bytes: row.get(1)?,
        })
    };
    Ok(connection
        .prepare_cached(USAGE)?
        .query_row(params![pipeline], read)
        .optional()?
        .unwrap_or_default())
}

/// Deletes up to `limit` expired entries of all pipelines, and returns how many.
pub(super) fn sweep(connection: &Connection, limit: usize, now: u64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(SWEEP)?
        .execute(params![now, limit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::plan;

    #[tokio::test]
    async fn every_statement_finds_its_rows_by_an_index() {
        for (sql, index) in [
            (GET, "state_entry_by_key (pipeline=? AND key=?)"),
            (REVISION, "state_entry_by_key (pipeline=? AND key=?)"),
            (KEYS, "state_entry_by_key (pipeline=? AND key>?)"),
            (DELETE, "state_entry_by_key (pipeline=? AND key=?)"),
            (
                MAKE_ROOM,
                "state_entry_by_expiry (pipeline=? AND expires_at<?)",
            ),
            (SWEEP, "state_entry_by_expiry (pipeline=? AND expires_at<?)"),
            (USAGE, "PRIMARY KEY (pipeline=?)"),
        ] {
            let plan = plan::of(sql).await;
            assert!(plan.contains(index), "{sql}\n{plan}");
            let walks = plan
                .lines()
                .filter(|step| step.starts_with("SCAN") && *step != "SCAN usage")
                .count();
            assert!(walks == 0 && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
        }
    }
}
