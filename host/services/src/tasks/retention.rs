//! Deletes tasks that ended long ago or are too many, a few at a time, so that other writes can go
//! between.

use std::time::Duration;

use hayrick_types::clock::milliseconds;
use hayrick_types::id::RunId;

use crate::database::Database;
use crate::tasks::class::TaskClass;
use crate::tasks::config::TasksConfig;
use crate::tasks::error::TasksError;
use crate::tasks::store::{self, End};

/// Rows of one write.
const CHUNK: usize = 500;

/// Deletes the tasks of one pipeline that are too old, too many or too large, and returns how
/// many.
pub(super) async fn sweep(
    database: &Database,
    config: &TasksConfig,
    pipeline: &str,
    now: u64,
) -> Result<u64, TasksError> {
    let mut deleted = 0;
    for class in TaskClass::ALL {
        let (name, kept) = (pipeline.to_owned(), config.kept(class));
        let old = before(kept.age, now);
        let query = move |connection: &_| store::surplus(connection, &name, class, &kept);
        let surplus = database
            .read(move |connection| Ok::<_, TasksError>(query(connection)?))
            .await?;
        let last = surplus.map_or(old, |surplus| surplus.max(old));
        deleted += delete(database, pipeline, class, last).await?;
    }
    Ok(deleted)
}

/// Deletes the tasks of a pipeline and class up to the end `last`, and returns how many.
pub(super) async fn delete(
    database: &Database,
    pipeline: &str,
    class: TaskClass,
    last: End,
) -> Result<u64, TasksError> {
    let name = pipeline.to_owned();
    let delete = move |connection: &_| Ok(store::delete(connection, &name, class, last, CHUNK)?);
    database.write_in_chunks(CHUNK, delete).await
}

/// The latest end that is at least `age` old.
pub(super) fn before(age: Duration, now: u64) -> End {
    (
        now.saturating_sub(milliseconds(age)),
        RunId::from_bytes([u8::MAX; 16]),
    )
}
