//! The statements for tasks.

use hayrick_types::chunk::Usage;
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;
use hayrick_types::job::{JobId, Progress};
use hayrick_types::task::{Note, Task, TaskCounts, TaskFilter, TaskStatus};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::database::column::{self, integer};
use crate::tasks::class::{Kept, TaskClass};

const PUT: &str = "INSERT OR REPLACE INTO task (pipeline, id, kind, status, started_at, ended_at, messages, files, job, chunks, bytes, \
    input_tokens, output_tokens, error, progress, notes, failed, size) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
const GET: &str = "SELECT * FROM task WHERE pipeline = ?1 AND id = ?2";
const LIST: &str = "SELECT * FROM task WHERE pipeline = ?1 AND id < ?2 AND ended_at IS NOT NULL \
    AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR kind = ?4) ORDER BY id DESC LIMIT ?5";
const COUNTS: &str = "SELECT status, count(*) FROM task WHERE pipeline = ?1 AND ended_at IS NOT NULL GROUP BY status";
const HAS_ENDED: &str =
    "SELECT 1 FROM task WHERE pipeline = ?1 AND id = ?2 AND ended_at IS NOT NULL";
const RECOVER: &str = "UPDATE task SET status = ?1, failed = 1, ended_at = max(started_at, ?2), error = ?3 WHERE ended_at IS NULL";
/// Jumps from one pipeline to the next, past all its tasks.
const PIPELINES: &str = "WITH RECURSIVE pipeline (name) AS (SELECT min(pipeline) FROM task \
    UNION ALL SELECT (SELECT min(task.pipeline) FROM task WHERE task.pipeline > name) FROM pipeline WHERE name IS NOT NULL) \
    SELECT name FROM pipeline WHERE name IS NOT NULL";
const ENDS: &str = "SELECT ended_at, id, size FROM task WHERE pipeline = ?1 AND failed = ?2 AND ended_at IS NOT NULL \
    ORDER BY ended_at DESC, id DESC";
const DELETE: &str = "DELETE FROM task WHERE pipeline = ?1 AND id IN (SELECT id FROM task \
    WHERE pipeline = ?1 AND failed = ?2 AND ended_at IS NOT NULL AND (ended_at, id) <= (?3, ?4) ORDER BY ended_at, id LIMIT ?5)";

/// A position in the order of ends: time and id.
pub(super) type End = (u64, RunId);

/// Writes tasks, and replaces what was there.
pub(super) fn put(connection: &Connection, tasks: &[Task]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(PUT)?;
    for task in tasks {
        let (progress, notes) = (
            task.progress.as_ref().map(progress_json),
            notes_json(&task.notes),
        );
        let texts = [task.error.as_ref(), progress.as_ref(), notes.as_ref()];
        let size: usize = texts.into_iter().flatten().map(String::len).sum();
        statement.execute(params![
            task.pipeline,
            task.id.to_bytes(),
            task.kind.task(),
            task.status.as_str(),
            integer(task.started_at),
            task.ended_at.map(integer),
            task.messages,
            task.files,
            task.job.map(|job| job.to_string()),
            integer(task.chunks),
            integer(task.bytes),
            task.usage.as_ref().map(|usage| integer(usage.input_tokens)),
            task.usage
                .as_ref()
                .map(|usage| integer(usage.output_tokens)),
            task.error,
            progress,
            notes,
            TaskClass::of(task.status).is_failed(),
            size,
        ])?;
    }
    Ok(())
}

pub(super) fn get(
    connection: &Connection,
    pipeline: &str,
    id: RunId,
) -> rusqlite::Result<Option<Task>> {
    connection
        .prepare_cached(GET)?
        .query_row(params![pipeline, id.to_bytes()], read)
        .optional()
}

/// Ended tasks, the newest first: those that fit into `bytes_max` of JSON, and the next one.
pub(super) fn list(
    connection: &Connection,
    pipeline: &str,
    filter: &TaskFilter,
    bytes_max: usize,
) -> rusqlite::Result<Vec<Task>> {
    let before = filter.before.map_or([u8::MAX; 16], RunId::to_bytes);
    let (status, kind) = (
        filter.status.map(TaskStatus::as_str),
        filter.kind.map(Export::task),
    );
    let mut statement = connection.prepare_cached(LIST)?;
    let tasks = statement.query_map(params![pipeline, before, status, kind, filter.limit], read)?;
    let (mut page, mut bytes) = (Vec::new(), 0_usize);
    for task in tasks {
        let task = task?;
        bytes = bytes.saturating_add(task.json_len());
        page.push(task);
        // The one that does not fit shows the caller that there are more.
        if bytes > bytes_max {
            break;
        }
    }
    Ok(page)
}

/// Ended tasks of a pipeline, by status.
pub(super) fn counts(connection: &Connection, pipeline: &str) -> rusqlite::Result<TaskCounts> {
    let mut statement = connection.prepare_cached(COUNTS)?;
    let mut rows = statement.query(params![pipeline])?;
    let mut counts = TaskCounts::default();
    while let Some(row) = rows.next()? {
        counts.add(
            column::parsed(row, "status", TaskStatus::parse)?,
            row.get(1)?,
        );
    }
    Ok(counts)
}

pub(super) fn has_ended(
    connection: &Connection,
    pipeline: &str,
    id: RunId,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(HAS_ENDED)?
        .exists(params![pipeline, id.to_bytes()])
}

/// Ends every running task, and returns how many.
pub(super) fn recover(connection: &Connection, error: &str, now: u64) -> rusqlite::Result<usize> {
    connection.execute(
        RECOVER,
        params![TaskStatus::Error.as_str(), integer(now), error],
    )
}

/// Every pipeline with tasks.
pub(super) fn pipelines(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(PIPELINES)?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// The end after which no more remains than is kept; `None` if nothing is too much.
pub(super) fn surplus(
    connection: &Connection,
    pipeline: &str,
    class: TaskClass,
    kept: &Kept,
) -> rusqlite::Result<Option<End>> {
    let mut statement = connection.prepare_cached(ENDS)?;
    let mut rows = statement.query(params![pipeline, class.is_failed()])?;
    let (mut count, mut bytes) = (0, 0_u64);
    while let Some(row) = rows.next()? {
        count += 1;
        bytes = bytes.saturating_add(row.get(2)?);
        if count > kept.count || bytes > kept.bytes {
            return Ok(Some((row.get(0)?, RunId::from_bytes(row.get(1)?))));
        }
    }
    Ok(None)
}

/// Deletes up to `limit` tasks of a pipeline and class that ended up to `last`, oldest first, and
/// returns how many.
pub(super) fn delete(
    connection: &Connection,
    pipeline: &str,
    class: TaskClass,
    last: End,
    limit: usize,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(DELETE)?.execute(params![
        pipeline,
        class.is_failed(),
        integer(last.0),
        last.1.to_bytes(),
        limit
    ])
}

fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
    let (input_tokens, output_tokens): (Option<u64>, Option<u64>) =
        (row.get("input_tokens")?, row.get("output_tokens")?);
    let progress: Option<(u64, Option<u64>, Option<String>)> = column::json(row, "progress")?;
    let notes: Option<Vec<(u64, String)>> = column::json(row, "notes")?;
    Ok(Task {
        id: RunId::from_bytes(row.get("id")?),
        pipeline: row.get("pipeline")?,
        kind: column::parsed(row, "kind", Export::of_task)?,
        status: column::parsed(row, "status", TaskStatus::parse)?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        messages: row.get("messages")?,
        files: row.get("files")?,
        job: row
            .get::<_, Option<String>>("job")?
            .and_then(|id| JobId::parse(&id)),
        chunks: row.get("chunks")?,
        bytes: row.get("bytes")?,
        usage: input_tokens
            .zip(output_tokens)
            .map(|(input_tokens, output_tokens)| Usage {
                input_tokens,
                output_tokens,
                details: None,
            }),
        error: row.get("error")?,
        progress: progress.map(|(done, total, message)| Progress {
            done,
            total,
            message,
        }),
        notes: notes
            .unwrap_or_default()
            .into_iter()
            .map(|(at, text)| Note { at, text })
            .collect(),
    })
}

/// `[done, total, message]`.
fn progress_json(progress: &Progress) -> String {
    serde_json::json!([progress.done, progress.total, progress.message]).to_string()
}

/// `[[at, text], …]`; `None` without notes.
fn notes_json(notes: &[Note]) -> Option<String> {
    let pairs: Vec<_> = notes
        .iter()
        .map(|note| serde_json::json!([note.at, note.text]))
        .collect();
    (!pairs.is_empty()).then(|| serde_json::Value::Array(pairs).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::plan;

    #[tokio::test]
    async fn every_statement_finds_its_rows_by_an_index() {
        for (sql, index) in [
            (GET, "SEARCH task USING PRIMARY KEY (pipeline=? AND id=?)"),
            (LIST, "SEARCH task USING PRIMARY KEY (pipeline=? AND id<?)"),
            (
                HAS_ENDED,
                "SEARCH task USING PRIMARY KEY (pipeline=? AND id=?)",
            ),
            (RECOVER, "SCAN task USING INDEX task_without_end"),
            (PIPELINES, "SEARCH task USING PRIMARY KEY (pipeline>?)"),
            (
                ENDS,
                "SEARCH task USING COVERING INDEX task_by_end (pipeline=? AND failed=? AND ended_at>?)",
            ),
            (
                DELETE,
                "SEARCH task USING COVERING INDEX task_by_end (pipeline=? AND failed=? AND ended_at>? AND (ended_at,id)<(?,?))",
            ),
        ] {
            let plan = plan::of(sql).await;
            assert!(
                plan.contains(index) && !plan.contains("TEMP B-TREE"),
                "{sql}\n{plan}"
            );
        }
    }
}
