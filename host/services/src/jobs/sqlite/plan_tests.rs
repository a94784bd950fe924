//! The statements of the hot paths find what they need by an index, however many finished jobs
//! there are.

use std::collections::BTreeMap;
use std::time::Duration;

use hayrick_types::job::{JobId, OwnerId};
use rusqlite::{Connection, StatementStatus, params};

use crate::jobs::sqlite::claim::{self, FIND_DUE, FIRST, FIRST_SUSPECT};
use crate::jobs::sqlite::query::{NEWEST, NEWEST_OF_STATUS, NEXT_DUE};
use crate::jobs::sqlite::reclaim::ORPHANS;
use crate::jobs::sqlite::submit::{self, BY_KEY};
use crate::jobs::sqlite::sweep::DELETE_FIRST;
use crate::jobs::store::{Claim, NewJob};

const NOW: u64 = 1_000_000;

fn tables() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for step in [
        include_str!("../../database/migrations/1-jobs.sql"),
        include_str!("../../database/migrations/5-suspect-jobs.sql"),
    ] {
        connection.execute_batch(step).unwrap();
    }
    connection
}

/// Many jobs that are over, which a claim must not look at.
fn finished(connection: &Connection, jobs: u32) {
    let insert = "
        WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?1)
        INSERT INTO jobs (id, pipeline, kind, status, priority, is_due, run_at, attempts_max, timeout, created_at, completed_at)
        SELECT '0' || number, 'echo', 'x', 'completed', 9, 1, number, 4, 1000, number, number FROM numbers";
    connection.execute(insert, params![jobs]).unwrap();
}

fn submit(connection: &Connection) -> JobId {
    let new = NewJob {
        id: JobId::fresh(),
        pipeline: "echo".to_owned(),
        kind: "x".to_owned(),
        data: "{}".to_owned(),
        idempotency_key: None,
        delay: Duration::ZERO,
        priority: 0,
        attempts_max: 4,
        timeout: Duration::from_secs(1),
        pending_max: None,
    };
    submit::submit(connection, new, NOW, 10).unwrap().job.id
}

fn plan(connection: &Connection, sql: &str) -> String {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
    let lines = statement
        .query_map(rusqlite::params_from_iter(nulls), |row| {
            row.get::<_, String>("detail")
        })
        .unwrap();
    lines.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

#[test]
fn every_hot_statement_has_its_index() {
    let connection = tables();
    let expected = [
        (FIRST, "USING INDEX jobs_due (pipeline=?)"),
        (FIRST_SUSPECT, "USING INDEX jobs_suspect (pipeline=?)"),
        (FIND_DUE, "INDEX jobs_delayed (run_at<?)"),
        (NEXT_DUE, "INDEX jobs_delayed"),
        (ORPHANS, "SCAN jobs USING INDEX jobs_running"),
        (
            BY_KEY,
            "INDEX jobs_by_key (pipeline=? AND idempotency_key=?)",
        ),
        (
            DELETE_FIRST,
            "INDEX jobs_final (pipeline=? AND status=? AND completed_at<?)",
        ),
        (NEWEST, "INDEX jobs_newest (pipeline=? AND id<?)"),
        (
            NEWEST_OF_STATUS,
            "INDEX jobs_newest_of_status (pipeline=? AND status=? AND id<?)",
        ),
    ];
    for (sql, index) in expected {
        let plan = plan(&connection, sql);
        assert!(plan.contains(index), "not by {index}:\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "it sorts:\n{plan}\n{sql}");
        let scans = plan
            .lines()
            .filter(|line| line.trim_start().starts_with("SCAN") && !line.contains("INDEX"));
        assert_eq!(scans.count(), 0, "it looks at every row:\n{plan}");
    }
}

/// What one claim of one job costs in steps of SQLite's machine, all statements of it.
fn steps_of_a_claim(connection: &Connection) -> i32 {
    let id = submit(connection);
    let mut steps = 0;
    for (sql, values) in [
        (FIND_DUE, (NOW.to_string(), 1000)),
        (FIRST, ("echo".to_owned(), 10)),
    ] {
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.query(params![values.0, values.1]).unwrap();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        steps += statement.get_status(StatementStatus::VmStep);
    }
    let wanted = BTreeMap::from([("echo".to_owned(), 10)]);
    let request = Claim {
        owner: OwnerId::fresh(),
        wanted,
        slots: 10,
    };
    let claimed = claim::claim(connection, &request, NOW).unwrap();
    assert_eq!(
        claimed
            .iter()
            .map(|claimed| claimed.job.id)
            .collect::<Vec<_>>(),
        [id]
    );
    steps
}

#[test]
fn a_claim_costs_the_same_however_many_jobs_are_finished() {
    let empty = steps_of_a_claim(&tables());
    let connection = tables();
    finished(&connection, 20_000);
    let full = steps_of_a_claim(&connection);
    assert!(
        full <= 2 * empty,
        "{full} steps beside 20,000 finished jobs, {empty} beside none"
    );
}
