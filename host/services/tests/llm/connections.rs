//! How many requests run at a time, and what ends them.

use std::time::Duration;

use hayrick_types::failure::FailureKind;
use hayrick_types::generation::Options;

use crate::fixture::{MS, answer, assert_failure, hello, over, stream};
use crate::support::await_event::{SOON, within};
use crate::support::fake_upstream::{Behaviour, TOKENS};
use crate::support::quiet::machine;

#[tokio::test]
async fn running_and_waiting_requests_are_bounded() {
    let _machine = machine(false).await;
    let (llm, upstream) = over(&[Behaviour::Stall, Behaviour::Ok], |config| {
        (
            config.settings.concurrency_max,
            config.settings.queue_max,
            config.settings.idle_timeout,
        ) = (1, 1, SOON);
    })
    .await;
    let holder = stream(&llm).await.unwrap();
    let waiting = answer(&llm);
    let asked = async {
        // The first one waits by now: join! polls in order.
        let failure = answer(&llm).await.unwrap_err();
        assert_failure(
            &failure,
            FailureKind::Limit,
            "has 1 requests running and 1 waiting: try again later, or raise its concurrency_max or queue_max",
        );
        assert_eq!(failure.retry_after, Some(Duration::from_secs(1)));
        assert_eq!((upstream.requests().len(), llm.status()[0].active), (1, 1));
        drop(holder);
    };
    let (answer, ()) = tokio::join!(biased; waiting, asked);
    assert_eq!(answer.unwrap().text, TOKENS.concat());
}

#[tokio::test]
async fn dropping_a_generation_closes_its_connection_at_once() {
    let machine = machine(true).await;
    let endless = Behaviour::Slow {
        chunks: 100_000,
        pause: 5 * MS,
    };
    let (llm, upstream) = over(&[endless], |_| ()).await;
    let mut generation = stream(&llm).await.unwrap();
    generation.next().await.unwrap();
    assert_eq!(llm.status()[0].active, 1);
    drop(generation);
    assert_eq!(llm.status()[0].active, 0);
    let start = machine.stopwatch();
    within(
        "the connection is closed",
        SOON,
        upstream.connection_closed(),
    )
    .await;
    assert!(start.elapsed() < 100 * MS, "{:?}", start.elapsed());
}

#[tokio::test]
async fn dropping_a_call_that_waits_for_a_status_closes_its_connection_too() {
    let _machine = machine(false).await;
    let (llm, upstream) = over(&[Behaviour::NeverAnswers], |config| {
        config.settings.first_token_timeout = SOON
    })
    .await;
    tokio::select! {
        _ = llm.generate(hello(), Options::default()) => panic!("it never answers"),
        _ = upstream.request() => {}
    }
    within(
        "the connection is closed",
        SOON,
        upstream.connection_closed(),
    )
    .await;
    assert_eq!(llm.status()[0].active, 0);
}
