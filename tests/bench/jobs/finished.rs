//! The cost of claiming and finishing an attempt next to a million finished jobs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hayrick_services::database::Database;
use hayrick_services::jobs::config::JobsConfig;
use hayrick_services::jobs::sqlite::SqliteJobs;
use hayrick_services::jobs::store::{Claim, JobStore, NewJob};
use hayrick_types::clock;
use hayrick_types::job::{AttemptEnd, JobId, OwnerId};
use rusqlite::{Connection, params};

use crate::support::folder::Folder;

const FINISHED: usize = 1_000_000;
/// Number of jobs that are claimed and finished, one at a time.
const CLAIMS: usize = 500;
const INSERT: &str = "
    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?1)
    INSERT INTO jobs (id, pipeline, kind, status, priority, is_due, run_at, attempts_max, timeout, created_at, completed_at)
    SELECT printf('00000000-0000-7000-8000-%012d', number), 'echo', 'x', 'completed', 9, 1, number, 4, 1000, number, number FROM numbers";
const INSERT_DOCUMENTS: &str =
    "INSERT INTO job_documents (job, part, body) SELECT id, 'result', '42' FROM jobs";

/// Prints the cost without and with many finished jobs.
pub async fn compare() {
    let (none, many) = (Store::beside(0), Store::beside(FINISHED));
    let (mut of_none, mut of_many) = (Vec::new(), Vec::new());
    // Alternates, so that other load on the machine affects both.
    for _ in 0..CLAIMS {
        of_none.push(none.claim_and_end().await);
        of_many.push(many.claim_and_end().await);
    }
    let (none, many) = (median(of_none), median(of_many));
    println!(
        "\n{:>34}  {:>12}  {:>12}  {:>6}",
        "a claim and an end, median µs", "beside none", "beside 10^6", "ratio"
    );
    println!(
        "{:>34}  {:>12}  {:>12}  {:>6.2}",
        "",
        none.as_micros(),
        many.as_micros(),
        many.as_secs_f64() / none.as_secs_f64()
    );
}

fn median(mut spans: Vec<Duration>) -> Duration {
    spans.sort_unstable();
    spans[spans.len() / 2]
}

/// A store without HTTP or sandbox.
struct Store {
    jobs: SqliteJobs,
    _folder: Folder,
}

impl Store {
    fn beside(finished: usize) -> Store {
        let folder = Folder::fresh();
        let path = folder.path().join("hayrick.db");
        drop(Database::open(&path).unwrap());
        fill(&Connection::open(&path).unwrap(), finished);
        let jobs = SqliteJobs::new(
            Database::open(&path).unwrap(),
            &JobsConfig::default(),
            clock::system(),
            1,
        );
        Store {
            jobs,
            _folder: folder,
        }
    }

    async fn claim_and_end(&self) -> Duration {
        self.jobs.submit(new_job()).await.unwrap();
        let begin = Instant::now();
        let wanted = BTreeMap::from([("echo".to_owned(), 16)]);
        let claim = Claim {
            owner: OwnerId::fresh(),
            wanted,
            slots: 16,
        };
        let claimed = self.jobs.claim(claim).await.unwrap();
        self.jobs
            .finish(claimed[0].lease(), AttemptEnd::Completed("42".to_owned()))
            .await
            .unwrap();
        begin.elapsed()
    }
}

fn fill(connection: &Connection, finished: usize) {
    // It is created anew each time, so it need not be durable.
    connection
        .pragma_update(None, "synchronous", "OFF")
        .unwrap();
    if finished > 0 {
        connection.execute(INSERT, params![finished]).unwrap();
        connection.execute(INSERT_DOCUMENTS, []).unwrap();
    }
}

fn new_job() -> NewJob {
    NewJob {
        id: JobId::fresh(),
        pipeline: "echo".to_owned(),
        kind: "x".to_owned(),
        data: "{}".to_owned(),
        idempotency_key: None,
        delay: Duration::ZERO,
        priority: 0,
        attempts_max: 4,
        timeout: Duration::from_secs(60),
        pending_max: None,
    }
}
