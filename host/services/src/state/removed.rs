//! What removed pipelines leave behind: their state is kept for a time, in case they come back.

use std::collections::BTreeSet;

use hayrick_types::clock::milliseconds;
use hayrick_types::settings::state::StateRetention;
use hayrick_types::state::{PipelineNames, StateUse};
use rusqlite::{Connection, Row, params};

use crate::database::Database;
use crate::state::error::StateError;

const USES: &str = "SELECT usage.pipeline, usage.keys, usage.bytes, removed.removed_at \
    FROM state_usage AS usage LEFT JOIN removed_pipeline AS removed \
    ON removed.pipeline = usage.pipeline WHERE usage.keys > 0 ORDER BY usage.pipeline";
const REMOVED: &str = "SELECT removed.pipeline, coalesce(usage.keys, 0), coalesce(usage.bytes, 0), \
    removed.removed_at FROM removed_pipeline AS removed LEFT JOIN state_usage AS usage \
    ON usage.pipeline = removed.pipeline ORDER BY removed.removed_at DESC, removed.pipeline";
const MARK: &str = "INSERT OR IGNORE INTO removed_pipeline (pipeline, removed_at) VALUES (?1, ?2)";
const UNMARK: &str = "DELETE FROM removed_pipeline WHERE pipeline = ?1";
const DELETE: &str = "DELETE FROM state_entry WHERE revision IN \
    (SELECT revision FROM state_entry WHERE pipeline = ?1 LIMIT ?2)";
const FORGET: &str = "DELETE FROM state_usage WHERE pipeline = ?1 AND keys = 0";

/// What the state of each pipeline uses, by name.
pub(super) fn uses(connection: &Connection) -> rusqlite::Result<Vec<StateUse>> {
    read(connection, USES)
}

/// Notes which pipelines are gone and which have come back, and returns those of which nothing
/// should be kept any longer.
pub(super) fn overdue(
    connection: &Connection,
    names: &PipelineNames,
    retention: &StateRetention,
    now: u64,
) -> rusqlite::Result<Vec<StateUse>> {
    let uses = uses(connection)?;
    let with_state = uses.iter().map(|usage| &usage.pipeline);
    let left: BTreeSet<&String> = with_state
        .chain(&names.remembered)
        .filter(|name| !names.present.contains(*name))
        .collect();
    for name in &left {
        connection
            .prepare_cached(MARK)?
            .execute(params![name, now])?;
    }
    let mut removed = read(connection, REMOVED)?;
    for back in removed.extract_if(.., |removed| !left.contains(&removed.pipeline)) {
        connection
            .prepare_cached(UNMARK)?
            .execute(params![back.pipeline])?;
    }
    Ok(surplus(removed, retention, now))
}

/// Those of `removed`, newest first, that are too old, too large or too many.
fn surplus(mut removed: Vec<StateUse>, retention: &StateRetention, now: u64) -> Vec<StateUse> {
    let last = now.saturating_sub(milliseconds(retention.keep_removed));
    let with_state = removed.iter().filter(|removed| removed.keys > 0).count();
    let stateless_max = retention.removed_max.saturating_sub(with_state);
    let (mut bytes, mut kept, mut stateless) = (0_u64, 0_usize, 0_usize);
    let mut is_surplus = |removed: &StateUse| {
        if removed.keys == 0 {
            stateless += 1;
            return stateless > stateless_max;
        }
        kept += 1;
        bytes = bytes.saturating_add(removed.bytes);
        bytes > retention.removed_bytes_max || kept > retention.removed_max
    };
    removed.retain(|removed| {
        let is_old = removed.removed_at.is_some_and(|at| at <= last);
        is_surplus(removed) || is_old
    });
    removed
}

/// Deletes the state of a pipeline, `chunk` entries at a time. Returns the number of entries.
pub(super) async fn delete(
    database: &Database,
    pipeline: &str,
    chunk: usize,
) -> Result<u64, StateError> {
    let name = pipeline.to_owned();
    let operation = move |connection: &Connection| {
        let count = connection
            .prepare_cached(DELETE)?
            .execute(params![name, chunk])?;
        if count < chunk {
            connection.prepare_cached(FORGET)?.execute(params![name])?;
            connection.prepare_cached(UNMARK)?.execute(params![name])?;
        }
        Ok(count)
    };
    database.write_in_chunks(chunk, operation).await
}

fn read(connection: &Connection, query: &str) -> rusqlite::Result<Vec<StateUse>> {
    let read = |row: &Row<'_>| {
        Ok(StateUse {
            pipeline: row.get(0)?,
            keys: row.get(1)?,
            bytes: row.get(2)?,
            removed_at: row.get(3)?,
        })
    };
    connection
        .prepare_cached(query)?
        .query_map([], read)?
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn removed(pipeline: &str, keys: u64, bytes: u64, removed_at: u64) -> StateUse {
        StateUse {
            pipeline: pipeline.to_owned(),
            keys,
            bytes,
            removed_at: Some(removed_at),
        }
    }

    #[test]
    fn what_is_too_old_too_large_or_too_many_goes_and_the_newest_stays() {
        let all = vec![
            removed("newest", 1, 60, 9000),
            removed("empty", 0, 0, 8500),
            removed("second", 1, 40, 8000),
            removed("too-large", 1, 1, 7000),
            removed("empty-too", 0, 0, 6500),
            removed("old", 0, 0, 1000),
        ];
        let names = |retention: &StateRetention| -> Vec<String> {
            let surplus = surplus(all.clone(), retention, 10_000);
            surplus
                .into_iter()
                .map(|removed| removed.pipeline)
                .collect()
        };
        let mut retention = StateRetention {
            keep_removed: Duration::from_secs(9),
            removed_bytes_max: 100,
            removed_max: 100,
        };
        assert_eq!(names(&retention), ["too-large", "old"]);
        retention.removed_bytes_max = 1000;
        retention.removed_max = 4;
        assert_eq!(names(&retention), ["empty-too", "old"]);
        retention.removed_max = 2;
        assert_eq!(
            names(&retention),
            ["empty", "too-large", "empty-too", "old"]
        );
    }
}
