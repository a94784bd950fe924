//! The rows: one per pipeline, for the last day it used a model.

use rusqlite::{Connection, params};

/// The tokens of every pipeline on `day`.
pub(super) fn used(connection: &Connection, day: u64) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut statement =
        connection.prepare_cached("SELECT pipeline, tokens FROM model_use WHERE day = ?1")?;
    statement
        .query_map(params![day], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Stores the tokens of a pipeline.
pub(super) fn put(
    connection: &Connection,
    pipeline: &str,
    day: u64,
    tokens: u64,
) -> rusqlite::Result<()> {
    let put = "INSERT INTO model_use (pipeline, day, tokens) VALUES (?1, ?2, ?3)
               ON CONFLICT (pipeline) DO UPDATE SET day = excluded.day, tokens = excluded.tokens";
    connection
        .prepare_cached(put)?
        .execute(params![pipeline, day, tokens])
        .map(drop)
}
