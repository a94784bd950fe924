//! State in use: limits, expiry, revisions, races, a full disk, and any sequence of operations
//! beside a plain map.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::settings::state::StateQuota;
use hayrick_types::state::Entry;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option};
use tempfile::TempDir;

use crate::database::Database;
use crate::database::error::DatabaseError;
use crate::state::config::StateConfig;
use crate::state::error::StateError;
use crate::state::{SWEEP_CHUNK, State, store};

const MS: Duration = Duration::from_millis(1);
/// Small bounds, which few operations reach.
const SMALL: StateConfig = StateConfig {
    key_bytes_max: 8,
    quota: SMALL_QUOTA,
    ttl_max: Duration::from_millis(1000),
};
const SMALL_QUOTA: StateQuota = StateQuota {
    value_bytes_max: 40,
    keys_max: 4,
    bytes_max: 100,
};

/// State in a folder that is gone afterwards, with a clock that a test moves.
struct Fixture {
    folder: TempDir,
    now: Arc<AtomicU64>,
    database: Database,
    state: State,
}

impl Fixture {
    fn new(config: StateConfig) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
        let now = Arc::new(AtomicU64::new(1_000_000));
        let hand = Arc::clone(&now);
        let state = State::new(
            database.clone(),
            config,
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

#[tokio::test]
async fn what_is_set_is_there_until_it_is_deleted() {
    let fixture = Fixture::new(StateConfig::default());
    let state = &fixture.state;
    assert_eq!(state.get("p", "k").await.unwrap(), None);
    let first = state.set("p", "k", b"one".to_vec(), None).await.unwrap();
    assert_eq!(
        state.get("p", "k").await.unwrap(),
        Some(Entry {
            value: b"one".to_vec(),
            revision: first
        })
    );
    let second = state.set("p", "k", Vec::new(), None).await.unwrap();
    assert_eq!(
        state.get("p", "k").await.unwrap(),
        Some(Entry {
            value: Vec::new(),
            revision: second
        })
    );
    assert!(second > first);
    assert!(state.delete("p", "k").await.unwrap());
    assert!(!state.delete("p", "k").await.unwrap());
    assert_eq!(state.get("p", "k").await.unwrap(), None);
}

#[tokio::test]
async fn pipelines_do_not_see_each_other() {
    let fixture = Fixture::new(StateConfig {
        quota: StateQuota {
            keys_max: 1,
            ..StateConfig::default().quota
        },
        ..StateConfig::default()
    });
    let state = &fixture.state;
    state.set("a", "k", b"a".to_vec(), None).await.unwrap();
    assert_eq!(state.get("b", "k").await.unwrap(), None);
    assert!(!state.delete("b", "k").await.unwrap());
    assert_eq!(state.list("b", "", None, 10).await.unwrap(), [""; 0]);
    state.set("b", "other", b"b".to_vec(), None).await.unwrap();
    assert_eq!(state.list("a", "", None, 10).await.unwrap(), ["k"]);
}

#[tokio::test]
async fn every_limit_is_enforced_and_says_the_cure() {
    let fixture = Fixture::new(SMALL);
    let state = &fixture.state;
    let kept = |count: usize| vec![0; count];
    for (key, value, ttl) in [
        ("", 0, 0),
        ("123456789", 0, 0),
        ("k", 41, 0),
        ("k", 0, 1001),
    ] {
        let error = state
            .set("p", key, kept(value), Some(ttl * MS))
            .await
            .unwrap_err();
        let failure = Failure::from(error);
        assert!(
            failure.kind == FailureKind::InvalidInput && failure.message.contains(": "),
            "{failure:?}"
        );
        assert!(
            state
                .compare_and_set("p", key, None, kept(value), Some(ttl * MS))
                .await
                .is_err()
        );
    }
    assert!(state.get("p", "").await.is_err() && state.delete("p", "123456789").await.is_err());
    state
        .set("p", "12345678", kept(40), Some(1000 * MS))
        .await
        .unwrap();
    let error = state
        .set("p", "abcdefgh", kept(40), None)
        .await
        .and(state.set("p", "b", kept(4), None).await)
        .unwrap_err();
    assert!(matches!(error, StateError::Bytes(100)), "{error}");
    // A key that is there makes way for itself.
    state.set("p", "abcdefgh", kept(40), None).await.unwrap();
    state.set("p", "abcdefgh", kept(0), None).await.unwrap();
    for key in ["c", "d"] {
        state.set("p", key, kept(0), None).await.unwrap();
    }
    let failure = Failure::from(
        state
            .compare_and_set("p", "e", None, kept(0), None)
            .await
            .unwrap_err(),
    );
    assert!(
        failure.kind == FailureKind::Limit && failure.message.contains("keys_max"),
        "{failure:?}"
    );
    assert_eq!(
        state.list("p", "", None, 10).await.unwrap(),
        ["12345678", "abcdefgh", "c", "d"],
        "what was refused left nothing"
    );
}

#[tokio::test]
async fn the_defaults_are_those_of_the_contract() {
    let fixture = Fixture::new(StateConfig::default());
    let state = &fixture.state;
    state
        .set(
            "p",
            &"k".repeat(512),
            vec![7; 1 << 20],
            Some(Duration::from_secs(10 * 365 * 86_400)),
        )
        .await
        .unwrap();
    assert!(
        state
            .set("p", &"k".repeat(513), Vec::new(), None)
            .await
            .is_err()
    );
    assert!(
        state
            .set("p", "k", vec![7; (1 << 20) + 1], None)
            .await
            .is_err()
    );
    let error = state
        .set(
            "p",
            "k",
            Vec::new(),
            Some(Duration::from_secs(10 * 365 * 86_400 + 1)),
        )
        .await
        .unwrap_err();
    assert!(error.to_string().contains("3650 days"), "{error}");
    let many = (0..70).map(|index| (format!("many-{index}"), state.clone()));
    let sets =
        many.map(|(key, state)| async move { state.set("p", &key, vec![7; 1 << 20], None).await });
    let outcomes = join_all(sets).await;
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        62,
        "64 MiB in all, keys included"
    );
}

#[tokio::test]
async fn expired_entries_are_gone_at_once_and_swept_in_chunks() {
    let fixture = Fixture::new(StateConfig::default());
    let state = &fixture.state;
    for pipeline in ["a", "b"] {
        let sets = (0..SWEEP_CHUNK + 7).map(|index| async move {
            state
                .set(pipeline, &format!("{index:03}"), vec![1], Some(10 * MS))
                .await
        });
        assert!(join_all(sets).await.iter().all(Result::is_ok));
        state.set(pipeline, "stays", vec![1], None).await.unwrap();
        state
            .set(pipeline, "stays-longer", vec![1], Some(11 * MS))
            .await
            .unwrap();
    }
    fixture.advance(9 * MS);
    assert_eq!(
        state.list("a", "", None, 1000).await.unwrap().len(),
        SWEEP_CHUNK + 9
    );
    assert_eq!(state.sweep().await.unwrap(), 0);
    fixture.advance(MS);
    assert_eq!(
        state.list("a", "", None, 1000).await.unwrap(),
        ["stays", "stays-longer"]
    );
    assert_eq!(state.get("a", "000").await.unwrap(), None);
    assert!(
        !state.delete("a", "000").await.unwrap(),
        "for others it is not there"
    );
    assert_eq!(
        state
            .compare_and_set("a", "001", Some(2), vec![2], None)
            .await
            .unwrap(),
        None
    );
    assert!(
        state
            .compare_and_set("a", "001", None, vec![2], None)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        state.sweep().await.unwrap(),
        2 * (SWEEP_CHUNK as u64 + 7) - 2
    );
    assert_eq!(
        state.list("b", "", None, 1000).await.unwrap(),
        ["stays", "stays-longer"]
    );
    assert_eq!(fixture.usage("a").await.0.keys, 3);
}

#[tokio::test]
async fn what_is_expired_makes_room_before_it_is_swept() {
    let fixture = Fixture::new(SMALL);
    for key in ["a", "b", "c", "d"] {
        fixture
            .state
            .set("p", key, vec![0; 20], Some(10 * MS))
            .await
            .unwrap();
    }
    assert!(
        fixture
            .state
            .set("p", "e", vec![0; 20], None)
            .await
            .is_err()
    );
    fixture.advance(10 * MS);
    fixture
        .state
        .set("p", "e", vec![0; 20], None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_that_was_made_anew_is_not_taken_for_the_old_one() {
    let Fixture {
        folder,
        database,
        state,
        ..
    } = Fixture::new(StateConfig::default());
    let old = state.set("p", "k", b"v".to_vec(), None).await.unwrap();
    state.delete("p", "k").await.unwrap();
    drop((state, database));
    let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
    let state = State::new(database, StateConfig::default(), Arc::new(|| 0));
    let new = state.set("p", "k", b"v".to_vec(), None).await.unwrap();
    assert!(new > old);
    assert_eq!(
        state
            .compare_and_set("p", "k", Some(old), b"w".to_vec(), None)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        state
            .compare_and_set("p", "k", None, b"w".to_vec(), None)
            .await
            .unwrap(),
        None
    );
    assert!(
        state
            .compare_and_set("p", "k", Some(new), b"w".to_vec(), None)
            .await
            .unwrap()
            .is_some()
    );
}

/// Adds one, however many others do.
async fn increment(state: State) {
    loop {
        let entry = state.get("p", "count").await.unwrap();
        let count = entry.as_ref().map_or(0, |entry| entry.value[0]);
        let expected = entry.map(|entry| entry.revision);
        if state
            .compare_and_set("p", "count", expected, vec![count + 1], None)
            .await
            .unwrap()
            .is_some()
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_count_at_once_none_is_lost() {
    let fixture = Fixture::new(StateConfig::default());
    let state = &fixture.state;
    let counting: tokio::task::JoinSet<()> = (0..64).map(|_| increment(state.clone())).collect();
    counting.join_all().await;
    assert_eq!(state.get("p", "count").await.unwrap().unwrap().value, [64]);
}

#[tokio::test]
async fn lists_begin_with_a_prefix_and_go_on_page_by_page() {
    let fixture = Fixture::new(StateConfig::default());
    let state = &fixture.state;
    let mut keys = [
        "a",
        "a%",
        "a_b",
        "ab",
        "a\u{10ffff}",
        "a\u{10ffff}z",
        "ä",
        "b",
        "B",
        "a\0b",
    ]
    .map(str::to_owned)
    .to_vec();
    for key in &keys {
        state.set("p", key, Vec::new(), None).await.unwrap();
    }
    keys.sort();
    assert_eq!(state.list("p", "", None, 1000).await.unwrap(), keys);
    let expected: Vec<_> = keys
        .iter()
        .filter(|key| key.starts_with('a'))
        .cloned()
        .collect();
    assert_eq!(state.list("p", "a", None, 1000).await.unwrap(), expected);
    let (mut pages, mut after) = (Vec::new(), None);
    while let Some(key) = state
        .list("p", "a", after.as_deref(), 1)
        .await
        .unwrap()
        .pop()
    {
        after = Some(key.clone());
        pages.push(key);
    }
    assert_eq!(pages, expected);
    assert_eq!(
        state.list("p", "a", Some("A"), 1).await.unwrap(),
        ["a"],
        "what comes before the prefix moves nothing"
    );
    assert_eq!(state.list("p", "a", Some("b"), 1).await.unwrap(), [""; 0]);
    assert_eq!(state.list("p", "", None, 0).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_list_has_1000_keys_at_most() {
    let fixture = Fixture::new(StateConfig::default());
    let state = &fixture.state;
    let sets = (0..1001).map(|index| (format!("{index:04}"), state.clone()));
    join_all(
        sets.map(
            |(key, state)| async move { state.set("p", &key, Vec::new(), None).await.unwrap() },
        ),
    )
    .await;
    assert_eq!(
        state.list("p", "", None, u32::MAX).await.unwrap().len(),
        1000
    );
}

#[tokio::test]
async fn a_full_disk_is_told_from_other_failures_and_passes() {
    let fixture = Fixture::new(StateConfig::default());
    fixture
        .state
        .set("p", "k", b"before".to_vec(), None)
        .await
        .unwrap();
    // SQLite's own limit on pages fails as a full disk does.
    fixture.sql("PRAGMA max_page_count = 1").await;
    let error = fixture
        .state
        .set("p", "k", vec![7; 1 << 20], None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StateError::Database(DatabaseError::Full)),
        "{error:?}"
    );
    assert_eq!(Failure::from(error).kind, FailureKind::Unavailable);
    assert_eq!(
        fixture.state.get("p", "k").await.unwrap().unwrap().value,
        b"before"
    );
    fixture.sql("PRAGMA max_page_count = 1000000").await;
    fixture
        .state
        .set("p", "k", vec![7; 1 << 20], None)
        .await
        .unwrap();
}

/// What may happen to a small state with a few keys.
#[derive(Debug, Clone)]
enum Action {
    Set {
        key: String,
        bytes: usize,
        ttl: Option<u32>,
    },
    /// Compared with the right revision or with another.
    CompareAndSet {
        key: String,
        right: bool,
        bytes: usize,
        ttl: Option<u32>,
    },
    Delete {
        key: String,
    },
    List {
        prefix: String,
        after: Option<String>,
        limit: u32,
    },
    Advance {
        ms: u32,
    },
    Sweep,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let key = || "[ab]{1,3}";
    let write = || (key(), 0..41_usize, option::of(0..30_u32));
    let action = prop_oneof![
        4 => write().prop_map(|(key, bytes, ttl)| Action::Set { key, bytes, ttl }),
        3 => (write(), any::<bool>()).prop_map(|((key, bytes, ttl), right)| Action::CompareAndSet { key, right, bytes, ttl }),
        2 => key().prop_map(|key| Action::Delete { key }),
        2 => ("[ab]{0,2}", option::of(key()), 0..4_u32).prop_map(|(prefix, after, limit)| Action::List { prefix, after, limit }),
        2 => (0..20_u32).prop_map(|ms| Action::Advance { ms }),
        1 => Just(Action::Sweep),
    ];
    collection::vec(action, 1..60)
}

/// What ought to be remembered.
#[derive(Default)]
struct Model {
    now: u64,
    entries: BTreeMap<String, (Entry, u64)>,
    newest: u64,
}

impl Model {
    /// Forgets what has expired.
    fn expire(&mut self) {
        self.entries
            .retain(|_, (_, expires_at)| *expires_at > self.now);
    }

    fn refuses(&self, key: &str, bytes: usize) -> bool {
        let others = || self.entries.iter().filter(|(other, _)| *other != key);
        let used: usize = others()
            .map(|(key, (entry, _))| key.len() + entry.value.len())
            .sum();
        others().count() as u64 >= SMALL_QUOTA.keys_max
            || (used + key.len() + bytes) as u64 > SMALL_QUOTA.bytes_max
    }

    fn write(
        &mut self,
        key: String,
        bytes: usize,
        ttl: Option<u32>,
        outcome: Result<u64, StateError>,
    ) {
        assert_eq!(
            outcome.is_err(),
            self.refuses(&key, bytes),
            "{key} {bytes}: {outcome:?}"
        );
        if let Ok(revision) = outcome {
            assert!(revision > self.newest, "{revision} was there before");
            self.newest = revision;
            let expires_at = ttl.map_or(u64::MAX, |ttl| self.now + u64::from(ttl));
            self.entries.insert(
                key,
                (
                    Entry {
                        value: vec![7; bytes],
                        revision,
                    },
                    expires_at,
                ),
            );
        }
    }

    fn list(&self, prefix: &str, after: Option<&String>, limit: u32) -> Vec<String> {
        let matches =
            |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| *key > after);
        self.entries
            .keys()
            .filter(matches)
            .take(limit as usize)
            .cloned()
            .collect()
    }
}

async fn act(fixture: &Fixture, model: &mut Model, action: Action) {
    let state = &fixture.state;
    let duration = |ms: Option<u32>| ms.map(|ms| ms * MS);
    match action {
        Action::Set { key, bytes, ttl } => {
            let outcome = state.set("p", &key, vec![7; bytes], duration(ttl)).await;
            model.write(key, bytes, ttl, outcome);
        }
        Action::CompareAndSet {
            key,
            right,
            bytes,
            ttl,
        } => {
            let there = model.entries.get(&key).map(|(entry, _)| entry.revision);
            let expected = if right { there } else { there.xor(Some(1)) };
            let outcome = state
                .compare_and_set("p", &key, expected, vec![7; bytes], duration(ttl))
                .await;
            match outcome.transpose() {
                Some(outcome) => {
                    assert_eq!(expected, there);
                    model.write(key, bytes, ttl, outcome);
                }
                None => assert_ne!(expected, there),
            }
        }
        Action::Delete { key } => assert_eq!(
            state.delete("p", &key).await.unwrap(),
            model.entries.remove(&key).is_some()
        ),
        Action::List {
            prefix,
            after,
            limit,
        } => {
            assert_eq!(
                state
                    .list("p", &prefix, after.as_deref(), limit)
                    .await
                    .unwrap(),
                model.list(&prefix, after.as_ref(), limit)
            );
        }
        Action::Advance { ms } => {
            fixture.advance(ms * MS);
            model.now += u64::from(ms);
            model.expire();
        }
        Action::Sweep => {
            state.sweep().await.unwrap();
            assert_eq!(fixture.usage("p").await.0.keys, model.entries.len() as u64);
        }
    }
    model.expire();
}

async fn compare(fixture: &Fixture, model: &Model) {
    for (key, (entry, _)) in &model.entries {
        assert_eq!(
            fixture.state.get("p", key).await.unwrap().as_ref(),
            Some(entry)
        );
    }
    assert_eq!(
        fixture.state.list("p", "", None, 1000).await.unwrap(),
        model.list("", None, 1000)
    );
    let (counted, account) = fixture.usage("p").await;
    assert_eq!(counted, account);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_operations_do_what_a_plain_map_does_and_the_account_agrees(actions in actions()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (fixture, mut model) = (Fixture::new(SMALL), Model::default());
            for action in actions {
                act(&fixture, &mut model, action).await;
                compare(&fixture, &model).await;
            }
        });
    }
}
