//! A store in a temporary folder, a clock that tests move, and short functions for what they do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hayrick_services::database::Database;
use hayrick_services::jobs::config::JobsConfig;
use hayrick_services::jobs::sqlite::SqliteJobs;
use hayrick_services::jobs::store::{Claim, JobStore, NewJob};
use hayrick_types::job::{AttemptEnd, Claimed, Job, JobFilter, JobId, OwnerId};
use hayrick_types::settings::jobs::JobsSettings;
use tempfile::TempDir;

pub const SECOND: Duration = Duration::from_secs(1);

/// Pending jobs that a pipeline of a bench may have.
pub const PENDING_MAX: u64 = 200;

/// When the clock of a bench begins, milliseconds.
pub const START: u64 = 1_800_000_000_000;

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub struct Time(Arc<AtomicU64>);

impl Time {
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn set(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }

    pub fn pass(&self, span: Duration) {
        self.set(self.now() + span.as_millis() as u64);
    }
}

/// The store, and what it stands on.
pub struct Bench {
    store: Arc<dyn JobStore>,
    pub database: Database,
    pub time: Time,
    pub folder: TempDir,
}

impl Bench {
    pub fn sqlite() -> Bench {
        let time = Time(Arc::new(AtomicU64::new(START)));
        Bench::open(tempfile::tempdir().unwrap(), time)
    }

    /// What another process would find.
    pub fn reopen(self) -> Bench {
        let Bench {
            store,
            database,
            time,
            folder,
        } = self;
        drop((store, database));
        Bench::open(folder, time)
    }

    fn open(folder: TempDir, time: Time) -> Bench {
        let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
        let clock = time.clone();
        let store = SqliteJobs::new(
            database.clone(),
            &config(),
            Arc::new(move || clock.now()),
            7,
        );
        Bench {
            store: Arc::new(store),
            database,
            time,
            folder,
        }
    }

    pub fn store(&self) -> &dyn JobStore {
        self.store.as_ref()
    }

    pub fn shared(&self) -> &Arc<dyn JobStore> {
        &self.store
    }
}

/// The usual limits, but for a queue that is soon full and pages that are soon over.
pub fn config() -> JobsConfig {
    JobsConfig {
        settings: JobsSettings {
            pending_max: PENDING_MAX,
            page_bytes_max: 10_000,
            ..JobsSettings::default()
        },
        ..JobsConfig::default()
    }
}

/// A job for the pipeline `echo`.
pub fn new_job() -> NewJob {
    NewJob {
        id: JobId::fresh(),
        pipeline: "echo".to_owned(),
        kind: "say".to_owned(),
        data: r#"{"text":"hello"}"#.to_owned(),
        idempotency_key: None,
        delay: Duration::ZERO,
        priority: 0,
        attempts_max: 4,
        timeout: 60 * SECOND,
        pending_max: None,
    }
}

pub async fn submit(store: &dyn JobStore, new: NewJob) -> JobId {
    let submitted = store.submit(new).await.unwrap();
    assert!(submitted.created);
    submitted.job.id
}

pub async fn get(store: &dyn JobStore, id: JobId) -> Job {
    store.get("echo", id).await.unwrap()
}

/// Room for so many jobs of `echo`.
pub fn room(owner: OwnerId, slots: usize) -> Claim {
    Claim {
        owner,
        wanted: BTreeMap::from([("echo".to_owned(), slots)]),
        slots,
    }
}

pub async fn claim(store: &dyn JobStore, slots: usize) -> Vec<Claimed> {
    store.claim(room(OwnerId::fresh(), slots)).await.unwrap()
}

/// The one job there is to claim.
pub async fn claim_one(store: &dyn JobStore) -> Claimed {
    let mut claimed = claim(store, 10).await;
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

pub fn completed() -> AttemptEnd {
    AttemptEnd::Completed("42".to_owned())
}

pub fn retry(delay: Option<Duration>) -> AttemptEnd {
    AttemptEnd::Retry {
        error: "not now".to_owned(),
        delay,
    }
}

/// Awaits an event that announces itself.
///
/// # Panics
/// It does not come in a time that is long on every machine.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::time::timeout(20 * SECOND, event)
        .await
        .unwrap_or_else(|_| panic!("it never came: {what}"))
}

pub fn ids(claimed: &[Claimed]) -> Vec<JobId> {
    claimed.iter().map(|claimed| claimed.job.id).collect()
}

pub fn everything() -> JobFilter {
    JobFilter {
        pipeline: "echo".to_owned(),
        status: None,
        kind: None,
        before: None,
        limit: 10,
    }
}
