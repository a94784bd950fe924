//! The file in use: groups, failures, full disks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use rusqlite::{Transaction, params};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::Database;
use super::error::DatabaseError;

/// A database in a folder that is gone afterwards, with a table of its own.
async fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
    write(
        &database,
        "CREATE TABLE numbers (number INTEGER PRIMARY KEY) STRICT",
    )
    .await
    .unwrap();
    (folder, database)
}

async fn write(database: &Database, sql: &'static str) -> Result<(), DatabaseError> {
    database
        .write(move |connection| Ok::<_, DatabaseError>(connection.execute_batch(sql)?))
        .await
}

async fn insert(database: &Database, number: i64) -> Result<usize, DatabaseError> {
    database
        .write(move |connection| {
            Ok(connection.execute("INSERT INTO numbers VALUES (?1)", params![number])?)
        })
        .await
}

async fn count(database: &Database) -> i64 {
    let query = |transaction: &Transaction<'_>| {
        Ok::<_, DatabaseError>(transaction.query_row(
            "SELECT count(*) FROM numbers",
            [],
            |row| row.get(0),
        )?)
    };
    database.read(query).await.unwrap()
}

#[tokio::test]
async fn a_failing_operation_leaves_nothing_and_troubles_nobody() {
    let (_folder, database) = database().await;
    let inserts = (0..200).map(|index| insert(&database, if index == 100 { 7 } else { index }));
    let outcomes = join_all(inserts).await;
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_err()).count(),
        1,
        "7 is there twice"
    );
    assert_eq!(count(&database).await, 199);
    let half = database.write(|connection| {
        connection.execute_batch("INSERT INTO numbers VALUES (1000)")?;
        Err::<(), _>(DatabaseError::Closed)
    });
    half.await.unwrap_err();
    assert_eq!(count(&database).await, 199);
}

#[tokio::test]
async fn a_full_disk_is_said_and_passes() {
    let (folder, database) = database().await;
    // SQLite's own limit on pages fails as a full disk does.
    write(&database, "PRAGMA max_page_count = 1").await.unwrap();
    let mut full = None;
    for number in 0..100_000 {
        if let Err(error) = insert(&database, number).await {
            full = Some((number, error));
            break;
        }
    }
    let (kept, error) = full.expect("it was never full");
    assert!(matches!(error, DatabaseError::Full), "{error:?}");
    assert_eq!(
        count(&database).await,
        kept,
        "what was acknowledged is there, and nothing else"
    );
    write(&database, "PRAGMA max_page_count = 1000000")
        .await
        .unwrap();
    insert(&database, -1).await.unwrap();
    drop(database);
    let again = Database::open(&folder.path().join("hayrick.db")).unwrap();
    assert_eq!(count(&again).await, kept + 1);
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_folder, database) = database().await;
    let tried = database
        .read(|transaction| {
            Ok::<_, DatabaseError>(transaction.execute("INSERT INTO numbers VALUES (1)", [])?)
        })
        .await;
    assert!(matches!(tried, Err(DatabaseError::Sqlite(_))), "{tried:?}");
}

#[tokio::test]
async fn a_newer_file_is_left_alone() {
    let (folder, database) = database().await;
    write(&database, "PRAGMA user_version = 999").await.unwrap();
    drop(database);
    let error = Database::open(&folder.path().join("hayrick.db"))
        .err()
        .unwrap();
    assert!(matches!(error, DatabaseError::TooNew), "{error:?}");
}

#[tokio::test]
async fn one_pipeline_leaves_readers_to_others() {
    let (_folder, database) = database().await;
    let (gate, running) = (Arc::new(Mutex::new(())), Arc::new(AtomicUsize::new(0)));
    let closed = gate.lock().await;
    let long = || {
        let (database, gate) = (database.clone(), Arc::clone(&gate));
        let running = Arc::clone(&running);
        async move {
            let query = move |_: &Transaction<'_>| {
                running.fetch_add(1, Ordering::SeqCst);
                drop(gate.blocking_lock());
                Ok::<_, DatabaseError>(())
            };
            database.read_for("greedy", query).await
        }
    };
    // Those that nobody waits for any more keep their places until their queries end.
    let mut abandoned = JoinSet::from_iter((0..8).map(|_| long()));
    while running.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    abandoned.shutdown().await;
    let waiting = JoinSet::from_iter((0..8).map(|_| long()));
    for _ in 0..10 {
        database
            .read_for("other", |_| Ok::<_, DatabaseError>(()))
            .await
            .unwrap();
    }
    assert_eq!(running.load(Ordering::SeqCst), 2);
    drop(closed);
    for read in waiting.join_all().await {
        read.unwrap();
    }
}
