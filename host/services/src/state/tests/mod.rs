//! State in use: a store in a folder of its own, with a clock that the tests move.

mod bounds;
mod entries;
mod model;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hayrick_types::settings::state::{StateQuota, StateRetention};
use tempfile::TempDir;

use crate::database::Database;
use crate::state::error::StateError;
use crate::state::{State, store};

const MS: Duration = Duration::from_millis(1);

/// Small bounds, which few operations reach.
const SMALL: StateQuota = StateQuota {
    key_bytes_max: 8,
    value_bytes_max: 40,
    keys_max: 4,
    bytes_max: 100,
    ttl_max: Duration::from_millis(1000),
};

/// State in a folder that is gone afterwards, with a clock that a test moves.
struct Fixture {
    folder: TempDir,
    now: Arc<AtomicU64>,
    database: Database,
    state: State,
}

impl Fixture {
    fn new(quota: StateQuota) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
        let now = Arc::new(AtomicU64::new(1_000_000));
        let hand = Arc::clone(&now);
        let state = State::new(
            database.clone(),
            quota,
            StateRetention::default(),
            Arc::new(move || hand.load(Ordering::SeqCst)),
        );
        Fixture {
            folder,
            now,
            database,
            state,
        }
    }

    fn advance(&self, time: Duration) {
        self.now
            .fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }

    async fn sql(&self, sql: &'static str) {
        self.database
            .write(move |connection| Ok::<_, StateError>(connection.execute_batch(sql)?))
            .await
            .unwrap();
    }

    /// What is in the file, counted: keys, bytes; and what the file's own account says.
    async fn usage(&self, pipeline: &'static str) -> (store::Usage, store::Usage) {
        let count = "SELECT count(*), coalesce(sum(octet_length(key) + octet_length(value)), 0) FROM state_entry WHERE pipeline = ?1";
        let query = move |connection: &rusqlite::Transaction<'_>| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(store::Usage {
                    keys: row.get(0)?,
                    bytes: row.get(1)?,
                })
            };
            Ok::<_, StateError>((
                connection.query_row(count, [pipeline], read)?,
                store::usage(connection, pipeline)?,
            ))
        };
        self.database.read(query).await.unwrap()
    }
}
