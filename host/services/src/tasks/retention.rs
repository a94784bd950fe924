//! Removes tasks that ended long ago, or that are too many, a few at a time, so that other writes
//! go between.

use std::time::Duration;

use hayrick_types::id::RunId;

use crate::database::Database;
use crate::tasks::config::TasksConfig;
use crate::tasks::error::TasksError;
use crate::tasks::store::{self, End};

/// Rows of one write.
const CHUNK: usize = 500;

/// Removes what is too old or too many of one pipeline. Returns how many tasks it were.
pub(super) async fn sweep(
    database: &Database,
    config: &TasksConfig,
    pipeline: &str,
    now: u64,
) -> Result<u64, TasksError> {
    let (name, count) = (pipeline.to_owned(), config.settings.kept_max);
    let surplus = database
        .read(move |connection| Ok::<_, TasksError>(store::surplus(connection, &name, count)?))
        .await?;
    let old = before(config.settings.keep, now);
    delete(
        database,
        pipeline,
        surplus.map_or(old, |surplus| surplus.max(old)),
    )
    .await
}

/// Removes a pipeline's tasks up to the one that ended `last`. Returns how many it were.
pub(super) async fn delete(
    database: &Database,
    pipeline: &str,
    last: End,
) -> Result<u64, TasksError> {
    let mut deleted = 0;
    loop {
        let name = pipeline.to_owned();
        let chunk = database
            .write(move |connection| {
                store::delete(connection, &name, last, CHUNK).map_err(TasksError::from)
            })
            .await?;
        deleted += chunk as u64;
        if chunk < CHUNK {
            return Ok(deleted);
        }
    }
}

/// The last end that is `age` old.
pub(super) fn before(age: Duration, now: u64) -> End {
    let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    (now.saturating_sub(age), RunId::from_bytes([u8::MAX; 16]))
}
