//! Random operations against a simple model of the store.

use std::collections::BTreeMap;

use hayrick_types::state::StateEntry;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option};

use crate::state::error::StateError;
use crate::state::tests::{Fixture, MS, SMALL};

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
    entries: BTreeMap<String, (StateEntry, u64)>,
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
        others().count() as u64 >= SMALL.keys_max
            || (used + key.len() + bytes) as u64 > SMALL.bytes_max
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
                    StateEntry {
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
    fn random_operations_behave_like_a_map_and_the_usage_is_exact(actions in actions()) {
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
