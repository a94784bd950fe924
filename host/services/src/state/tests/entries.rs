//! What is stored, what is read back, and who sees it.

use std::sync::Arc;

use hayrick_types::settings::state::{StateQuota, StateRetention};
use hayrick_types::state::StateEntry;

use crate::database::Database;
use crate::state::State;
use crate::state::tests::Fixture;

#[tokio::test]
async fn what_is_set_is_there_until_it_is_deleted() {
    let fixture = Fixture::new(StateQuota::default());
    let state = &fixture.state;
    assert_eq!(state.get("p", "k").await.unwrap(), None);
    let first = state.set("p", "k", b"one".to_vec(), None).await.unwrap();
    assert_eq!(
        state.get("p", "k").await.unwrap(),
        Some(StateEntry {
            value: b"one".to_vec(),
            revision: first
        })
    );
    let second = state.set("p", "k", Vec::new(), None).await.unwrap();
    assert_eq!(
        state.get("p", "k").await.unwrap(),
        Some(StateEntry {
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
    let fixture = Fixture::new(StateQuota {
        keys_max: 1,
        ..StateQuota::default()
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
async fn a_recreated_key_has_a_new_revision() {
    let Fixture {
        folder,
        database,
        state,
        ..
    } = Fixture::new(StateQuota::default());
    let old = state.set("p", "k", b"v".to_vec(), None).await.unwrap();
    state.delete("p", "k").await.unwrap();
    drop((state, database));
    let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
    let state = State::new(
        database,
        StateQuota::default(),
        StateRetention::default(),
        Arc::new(|| 0),
    );
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
async fn no_increment_of_64_concurrent_ones_is_lost() {
    let fixture = Fixture::new(StateQuota::default());
    let state = &fixture.state;
    let counting: tokio::task::JoinSet<()> = (0..64).map(|_| increment(state.clone())).collect();
    counting.join_all().await;
    assert_eq!(state.get("p", "count").await.unwrap().unwrap().value, [64]);
}

#[tokio::test]
async fn lists_begin_with_a_prefix_and_go_on_page_by_page() {
    let fixture = Fixture::new(StateQuota::default());
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
