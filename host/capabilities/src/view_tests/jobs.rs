//! `jobs`: each pipeline has its own jobs, if it may submit any.

use crate::bindings::hayrick::pipeline::jobs::{Status, SubmitOptions};
use crate::bindings::hayrick::pipeline::types::FailureKind;
use crate::bindings::sync::hayrick::pipeline_sync::jobs::Host as _;
use crate::guest_state::GuestState;
use crate::jobs::view;
use crate::view_tests::{Host, assert_failure, policy};

fn options() -> SubmitOptions {
    SubmitOptions {
        idempotency_key: None,
        delay: None,
        priority: None,
        max_attempts: None,
        timeout: None,
    }
}

async fn submit(run: &mut GuestState) -> String {
    let submitted = view(run)
        .submit("kind".to_owned(), "{}".to_owned(), options())
        .await;
    submitted.unwrap().unwrap().id
}

#[tokio::test]
async fn a_plugin_that_may_not_submit_jobs_is_denied() {
    let host = Host::start().await;
    let mut no_jobs = policy();
    no_jobs.jobs.submit = false;
    let mut run = host.run("echo", &no_jobs);
    let refused = view(&mut run)
        .submit("kind".to_owned(), "{}".to_owned(), options())
        .await;
    assert_failure(
        &refused.unwrap().unwrap_err(),
        FailureKind::Denied,
        "submit = true",
    );
    assert!(
        view(&mut run)
            .list(None, 10)
            .await
            .unwrap()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn pipelines_do_not_see_the_jobs_of_each_other() {
    let host = Host::start().await;
    let (mut echo, mut other) = (host.run("echo", &policy()), host.run("other", &policy()));
    let id = submit(&mut echo).await;

    let found = view(&mut other).get(id.clone()).await.unwrap().unwrap();
    assert!(found.is_none());
    assert!(
        view(&mut other)
            .list(None, 10)
            .await
            .unwrap()
            .unwrap()
            .is_empty()
    );
    let cancelled = view(&mut other).cancel(id.clone()).await.unwrap();
    assert_failure(&cancelled.unwrap_err(), FailureKind::NotFound, &id);
    let cancelled = view(&mut echo).cancel(id).await.unwrap().unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
}

#[tokio::test]
async fn pending_jobs_are_limited_by_the_policy() {
    let host = Host::start().await;
    let mut one = policy();
    one.jobs.pending_max = 1;
    let mut run = host.run("echo", &one);
    submit(&mut run).await;
    let second = view(&mut run)
        .submit("kind".to_owned(), "{}".to_owned(), options())
        .await;
    assert_failure(
        &second.unwrap().unwrap_err(),
        FailureKind::Limit,
        "pending_max",
    );
}

#[tokio::test]
async fn only_the_attempt_of_a_job_has_a_checkpoint() {
    let host = Host::start().await;
    let mut run = host.run("echo", &policy());
    let refused = view(&mut run).checkpoint("{}".to_owned()).await.unwrap();
    assert_failure(&refused.unwrap_err(), FailureKind::InvalidInput, "run-job");
}
