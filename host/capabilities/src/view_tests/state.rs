//! `state`: each pipeline has its own keys, within the quota of its policy.

use crate::bindings::hayrick::pipeline::types::FailureKind;
use crate::bindings::sync::hayrick::pipeline_sync::state::Host as _;
use crate::state::view;
use crate::view_tests::{Host, assert_failure, policy};

#[tokio::test]
async fn pipelines_do_not_see_the_keys_of_each_other() {
    let host = Host::start().await;
    let (mut echo, mut other) = (host.run("echo", &policy()), host.run("other", &policy()));
    let key = || "key".to_owned();
    let revision = view(&mut echo)
        .set(key(), b"mine".to_vec(), None)
        .await
        .unwrap()
        .unwrap();

    assert!(
        view(&mut other)
            .get(key())
            .await
            .unwrap()
            .unwrap()
            .is_none()
    );
    assert!(!view(&mut other).delete(key()).await.unwrap().unwrap());
    let entry = view(&mut echo).get(key()).await.unwrap().unwrap().unwrap();
    assert_eq!((entry.value, entry.revision), (b"mine".to_vec(), revision));

    // Another run of the same pipeline goes on where this one ended.
    let mut next = host.run("echo", &policy());
    let mut replaced = Vec::new();
    for run in [&mut next, &mut echo] {
        let set = view(run)
            .compare_and_set(key(), Some(revision), Vec::new(), None)
            .await;
        replaced.push(set.unwrap().unwrap().is_some());
    }
    assert_eq!(replaced, [true, false]);
}

#[tokio::test]
async fn the_quota_of_the_policy_applies() {
    let host = Host::start().await;
    let mut small = policy();
    small.state.keys_max = 1;
    small.state.value_bytes_max = 4;
    let mut run = host.run("echo", &small);

    let long = view(&mut run).set("a".to_owned(), vec![0; 5], None).await;
    assert_failure(
        &long.unwrap().unwrap_err(),
        FailureKind::InvalidInput,
        "at most 4 bytes",
    );
    let first = view(&mut run).set("a".to_owned(), vec![0; 4], None).await;
    first.unwrap().unwrap();
    let second = view(&mut run).set("b".to_owned(), Vec::new(), None).await;
    assert_failure(
        &second.unwrap().unwrap_err(),
        FailureKind::Limit,
        "state.keys_max",
    );
    // Another plugin has its own quota.
    let mut other = host.run("other", &small);
    let own = view(&mut other).set("b".to_owned(), Vec::new(), None).await;
    own.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_over_the_limits_of_the_host_ends_the_run() {
    let host = Host::start().await;
    let mut narrow = policy();
    let values = size_of::<String>() + size_of::<Vec<u8>>();
    narrow.limits.host_bytes_max = values + 8;
    let mut run = host.run("echo", &narrow);
    let large = view(&mut run).set("key".to_owned(), vec![0; 6], None).await;
    let error = large.unwrap_err().to_string();
    assert!(error.contains("host_bytes_max"), "{error}");
    // What was refused is given back.
    let fits = view(&mut run).set("key".to_owned(), vec![0; 5], None).await;
    fits.unwrap().unwrap();
}
