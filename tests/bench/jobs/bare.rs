//! The baseline: the same rows in the same commits, written by SQLite in a loop.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::support::folder::Folder;

const SCHEMA: &str = include_str!("../../../host/services/src/database/migrations/1-jobs.sql");
const INSERT: &str = "
    INSERT INTO jobs (id, pipeline, kind, status, priority, is_due, run_at, attempts_max, timeout, created_at)
    VALUES (?1, 'job-worker', 'program', 'pending', 0, 1, ?2, 4, 300000, ?2)";
const INSERT_DOCUMENT: &str = "INSERT INTO job_documents (job, part, body) VALUES (?1, ?2, ?3)";
const FIRST: &str = "
    SELECT id FROM jobs WHERE status = 'pending' AND is_due = 1 AND pipeline = 'job-worker' ORDER BY priority DESC, run_at, id LIMIT ?1";
const BEGIN: &str = "
    UPDATE jobs SET status = 'running', attempt = attempt + 1, started_at = 1, lease_owner = ?2, lease_token = ?2, revision = revision + 1
    WHERE id = ?1";
const END: &str = "
    UPDATE jobs SET status = 'completed', completed_at = 2, lease_owner = NULL, lease_token = NULL, revision = revision + 1
    WHERE id = ?1 AND lease_token = ?2";
/// As long as the id of a job, an owner or a lease.
const TOKEN: &str = "0193f0a0b1c27d3e8f4a5b6c7d8e9f00";

/// The database file, written by one connection.
pub struct Bare {
    connection: Connection,
    jobs: usize,
    _folder: Folder,
}

impl Bare {
    /// An empty store, as durable as Hayrick's.
    pub fn open() -> Bare {
        let folder = Folder::fresh();
        let connection = Connection::open(folder.path().join("bare.db")).unwrap();
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .unwrap();
        connection
            .pragma_update(None, "synchronous", "FULL")
            .unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection.set_prepared_statement_cache_capacity(32);
        Bare {
            connection,
            jobs: 0,
            _folder: folder,
        }
    }

    /// Stores jobs; each commit has as many as clients wait for at the same time.
    pub fn submit(&mut self, jobs: usize, group: usize) -> Duration {
        let begin = Instant::now();
        let mut left = jobs;
        while left > 0 {
            let transaction = self.connection.transaction().unwrap();
            for _ in 0..group.min(left) {
                self.jobs += 1;
                let id = format!("{:032}-{TOKEN:.4}", self.jobs);
                transaction
                    .prepare_cached(INSERT)
                    .unwrap()
                    .execute(params![id, self.jobs])
                    .unwrap();
                let data = r#"{"do":"return","value":0}"#;
                transaction
                    .prepare_cached(INSERT_DOCUMENT)
                    .unwrap()
                    .execute(params![id, "data", data])
                    .unwrap();
            }
            transaction.commit().unwrap();
            left = left.saturating_sub(group);
        }
        begin.elapsed()
    }

    /// Starts and finishes jobs; each commit has as many as there are slots.
    pub fn work(&mut self, jobs: usize, places: usize) -> Duration {
        let begin = Instant::now();
        let mut left = jobs;
        while left > 0 {
            let claim = self.connection.transaction().unwrap();
            let ids: Vec<String> = {
                let mut first = claim.prepare_cached(FIRST).unwrap();
                first
                    .query_map(params![places], |row| row.get(0))
                    .unwrap()
                    .map(Result::unwrap)
                    .collect()
            };
            for id in &ids {
                claim
                    .prepare_cached(BEGIN)
                    .unwrap()
                    .execute(params![id, TOKEN])
                    .unwrap();
            }
            claim.commit().unwrap();
            let finish = self.connection.transaction().unwrap();
            for id in &ids {
                assert_eq!(
                    finish
                        .prepare_cached(END)
                        .unwrap()
                        .execute(params![id, TOKEN])
                        .unwrap(),
                    1
                );
                finish
                    .prepare_cached(INSERT_DOCUMENT)
                    .unwrap()
                    .execute(params![id, "result", "0"])
                    .unwrap();
            }
            finish.commit().unwrap();
            left = left.checked_sub(ids.len()).unwrap();
        }
        begin.elapsed()
    }
}
