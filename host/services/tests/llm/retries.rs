//! What is asked again, of whom, and when.

use std::time::Duration;

use hayrick_types::failure::FailureKind;
use hayrick_types::generation::Options;

use crate::fixture::{MS, answer, assert_failure, config, hello, llm, over, raw, refused, status};
use crate::support::await_event::{SOON, eventually};
use crate::support::fake_upstream::{Behaviour, FakeUpstream, TOKENS};
use crate::support::quiet::machine;

#[tokio::test]
async fn a_429_with_retry_after_is_waited_for() {
    let machine = machine(true).await;
    let busy = Behaviour::Status {
        code: 429,
        retry_after: Some(1),
    };
    let (llm, upstream) = over(&[busy, Behaviour::Ok], |config| {
        config.settings.retries_max = 1
    })
    .await;
    let start = machine.stopwatch();
    assert_eq!(answer(&llm).await.unwrap().text, TOKENS.concat());
    assert!(
        start.elapsed() >= 1000 * MS,
        "Retry-After was not kept: {:?}",
        start.elapsed()
    );
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn a_retry_after_over_the_cap_is_passed_on() {
    let _machine = machine(false).await;
    let failure = refused(
        Behaviour::Status {
            code: 429,
            retry_after: Some(60),
        },
        FailureKind::Limit,
        "(429)",
        1,
    )
    .await;
    assert_eq!(failure.retry_after, Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn passing_failures_are_retried() {
    let _machine = machine(false).await;
    let (llm, upstream) = over(&[status(500), Behaviour::HangUp, Behaviour::Ok], |config| {
        config.settings.retries_max = 2
    })
    .await;
    assert_eq!(answer(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn nothing_is_retried_after_the_first_token() {
    let _machine = machine(false).await;
    let (llm, upstream) = over(&[Behaviour::Cut, Behaviour::Ok], |config| {
        config.settings.retries_max = 2
    })
    .await;
    answer(&llm).await.unwrap_err();
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_is_retried_before_its_first_token() {
    let _machine = machine(false).await;
    let overloaded = raw(&["data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n"]);
    let (llm, upstream) = over(&[overloaded, raw(&[""]), Behaviour::Ok], |config| {
        config.settings.retries_max = 2
    })
    .await;
    assert_eq!(answer(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn fallbacks_are_asked_in_order() {
    let _machine = machine(false).await;
    let (broken, well) = (
        FakeUpstream::start(status(500)).await,
        FakeUpstream::start(Behaviour::Ok).await,
    );
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut first = config("fake", &broken.base_url());
    first.settings.fallbacks = named(&["second", "third"]);
    first.settings.breaker_failures = 1;
    let second = config("second", &broken.base_url());
    let llm = llm([first, second, config("third", &well.base_url())]);
    assert_eq!(answer(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!((broken.requests().len(), well.requests().len()), (2, 1));
    // With its breaker open the first one is passed over at once.
    assert_eq!(llm.status()[0].breaker, "open");
    assert_eq!(answer(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!((broken.requests().len(), well.requests().len()), (3, 2));
}

#[tokio::test]
async fn all_failed_upstreams_are_named_and_an_invalid_request_is_not_passed_on() {
    let _machine = machine(false).await;
    let (broken, strict) = (
        FakeUpstream::start(status(503)).await,
        FakeUpstream::start(status(400)).await,
    );
    let mut first = config("fake", &broken.base_url());
    first.settings.fallbacks = vec!["strict".to_owned()];
    let mut second = config("strict", &strict.base_url());
    second.settings.fallbacks = vec!["fake".to_owned()];
    let llm = llm([first, second]);
    assert_failure(
        &answer(&llm).await.unwrap_err(),
        FailureKind::Unavailable,
        "; then upstream 'strict' refused the request with 400",
    );
    let options = Options {
        model: Some("strict".to_owned()),
        ..Options::default()
    };
    assert_eq!(
        llm.generate(hello(), options).await.unwrap_err().kind,
        FailureKind::InvalidInput
    );
    assert_eq!((broken.requests().len(), strict.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_breaker_opens_and_a_trial_closes_it() {
    let _machine = machine(false).await;
    let (llm, upstream) = over(&[status(500), status(500), Behaviour::Ok], |config| {
        (
            config.settings.breaker_failures,
            config.settings.breaker_open,
        ) = (2, 200 * MS);
    })
    .await;
    for _ in 0..2 {
        assert_failure(
            &answer(&llm).await.unwrap_err(),
            FailureKind::Unavailable,
            "500",
        );
    }
    let failure = answer(&llm).await.unwrap_err();
    assert_failure(
        &failure,
        FailureKind::Unavailable,
        "failed several times in a row and is not asked for a while",
    );
    assert_eq!(
        (upstream.requests().len(), llm.status()[0].breaker),
        (2, "open")
    );
    assert!(
        failure.retry_after.is_some_and(|rest| rest <= 200 * MS),
        "{:?}",
        failure.retry_after
    );
    eventually("the breaker is half-open", SOON, async || {
        (llm.status()[0].breaker == "half-open").then_some(())
    })
    .await;
    assert_eq!(answer(&llm).await.unwrap().text, TOKENS.concat());
    assert_eq!(llm.status()[0].breaker, "closed");
}
