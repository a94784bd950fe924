//! Limits, expiry and a full disk.

use std::time::Duration;

use futures_util::future::join_all;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::settings::state::StateQuota;

use crate::database::error::DatabaseError;
use crate::state::SWEEP_CHUNK;
use crate::state::error::StateError;
use crate::state::tests::{Fixture, MS, SMALL};

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
    let fixture = Fixture::new(StateQuota::default());
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
    assert!(error.to_string().contains("315360000s"), "{error}");
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
    let fixture = Fixture::new(StateQuota::default());
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
async fn expired_entries_make_room_before_they_are_swept() {
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
async fn a_list_has_1000_keys_at_most() {
    let fixture = Fixture::new(StateQuota::default());
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
async fn a_full_disk_is_distinguished_from_other_failures_and_passes() {
    let fixture = Fixture::new(StateQuota::default());
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
