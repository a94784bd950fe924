//! Each way a model server can misbehave, and the failure a guest gets for it.

use hayrick_services::secret::Secret;
use hayrick_types::failure::FailureKind;

use crate::fixture::{
    answer, assert_failure, breaks, config, drain, llm, over, raw, refused, status, stream, texts,
};
use crate::support::fake_upstream::{Behaviour, TOKENS};
use crate::support::quiet::machine;

#[tokio::test]
async fn a_stream_that_breaks_off_is_unavailable() {
    let _machine = machine(false).await;
    for behaviour in [Behaviour::Cut, Behaviour::Unfinished, Behaviour::HalfEvent] {
        breaks(
            behaviour,
            FailureKind::Unavailable,
            "closed the connection in the middle of its answer",
        )
        .await;
    }
}

#[tokio::test]
async fn an_event_that_is_not_json_fails() {
    let _machine = machine(false).await;
    breaks(
        Behaviour::Malformed,
        FailureKind::Failed,
        "an invalid response for the OpenAI API",
    )
    .await;
}

#[tokio::test]
async fn an_event_over_its_limit_fails() {
    let _machine = machine(false).await;
    let fragment = "an event of more than 1048576 bytes: raise its event_bytes_max";
    breaks(
        Behaviour::HugeEvent { bytes: 10 << 20 },
        FailureKind::Failed,
        fragment,
    )
    .await;
}

#[tokio::test]
async fn silence_within_an_answer_times_out() {
    let _machine = machine(false).await;
    breaks(
        Behaviour::Stall,
        FailureKind::Timeout,
        "sent nothing for 300ms in the middle of its answer: try again, or raise its idle_timeout",
    )
    .await;
}

#[tokio::test]
async fn an_error_object_in_the_stream_is_passed_on() {
    let _machine = machine(false).await;
    breaks(
        Behaviour::ErrorEvent { code: None },
        FailureKind::Failed,
        "in its answer; it says: the fake gave up",
    )
    .await;
    breaks(
        Behaviour::ErrorEvent { code: Some(503) },
        FailureKind::Unavailable,
        "the fake gave up",
    )
    .await;
}

#[tokio::test]
async fn an_answer_over_its_limit_fails() {
    let _machine = machine(false).await;
    let (llm, _upstream) = over(&[Behaviour::Ok, Behaviour::Document], |config| {
        config.settings.answer_bytes_max = TOKENS[0].len()
    })
    .await;
    for expected in [texts(&TOKENS[..1]), Vec::new()] {
        let (chunks, failure) = drain(stream(&llm).await.unwrap()).await;
        assert_eq!(chunks, expected);
        assert_failure(
            &failure.unwrap(),
            FailureKind::Limit,
            "more than 5 bytes: ask for fewer tokens, or raise its answer_bytes_max",
        );
    }
}

#[tokio::test]
async fn an_upstream_that_never_answers_times_out() {
    let _machine = machine(false).await;
    let failure = refused(
        Behaviour::NeverAnswers,
        FailureKind::Timeout,
        "sent no token within 300ms",
        1,
    )
    .await;
    assert!(failure.message.contains("first_token_timeout"), "{failure}");
}

#[tokio::test]
async fn a_status_without_a_token_times_out() {
    let _machine = machine(false).await;
    let (llm, _upstream) = over(&[Behaviour::NeverAToken], |_| ()).await;
    let failure = stream(&llm).await.err().unwrap();
    assert_failure(&failure, FailureKind::Timeout, "first_token_timeout");
}

#[tokio::test]
async fn every_status_has_its_failure_and_its_cure() {
    let _machine = machine(false).await;
    refused(
        status(400),
        FailureKind::InvalidInput,
        "refused the request with 400: change the messages or options; it says: the fake says 400",
        1,
    )
    .await;
    refused(
        status(422),
        FailureKind::InvalidInput,
        "change the messages or options; it says: the fake says 422",
        // Once more without `stream_options`.
        2,
    )
    .await;
    refused(
        status(404),
        FailureKind::NotFound,
        "check its model and base_url; it says: the fake says 404",
        1,
    )
    .await;
    refused(status(302), FailureKind::Failed, "correct its base_url", 1).await;
    refused(
        status(500),
        FailureKind::Unavailable,
        "failed with 500: try again later; it says: the fake says 500",
        3,
    )
    .await;
    let page = Behaviour::Raw {
        content_type: "text/html; charset=utf-8",
        pieces: vec!["<html>".to_owned()],
    };
    refused(
        page,
        FailureKind::Failed,
        "answered with content type text/html; charset=utf-8, not as a model: check its base_url",
        1,
    )
    .await;
}

#[tokio::test]
async fn a_key_is_sent_and_never_quoted() {
    let _machine = machine(false).await;
    let quote = |key: &str| format!("data: {{\"error\":{{\"message\":\"bad key {key}\"}}}}\n\n");
    let behaviours = [status(401), status(403), raw(&[&quote("sk-secret")])];
    let (llm, upstream) = over(&behaviours, |config| {
        config.api_key = Some(Secret::new("sk-secret".to_owned()))
    })
    .await;
    for fragment in [
        "rejects the host's key (401): ask the operator to check its api_key",
        "(403)",
        "it says: bad key [key]",
    ] {
        assert_failure(
            &answer(&llm).await.unwrap_err(),
            FailureKind::Failed,
            fragment,
        );
    }
    assert!(
        upstream
            .request()
            .await
            .headers
            .contains("Bearer sk-secret")
    );
}

#[tokio::test]
async fn an_upstream_that_hangs_up_or_cannot_be_reached_is_unavailable() {
    let _machine = machine(false).await;
    refused(
        Behaviour::HangUp,
        FailureKind::Unavailable,
        "closed the connection before it answered",
        3,
    )
    .await;
    // Nobody listens on the discard port.
    let failure = answer(&llm([config("fake", "http://127.0.0.1:9/v1")]))
        .await
        .unwrap_err();
    assert_failure(
        &failure,
        FailureKind::Unavailable,
        "cannot be reached (connection refused): check its base_url and that it runs",
    );
    assert!(
        !failure.message.contains("127.0.0.1"),
        "guests do not learn addresses: {failure}"
    );
    let failure = answer(&llm([config("fake", "http://no-such-host.invalid/v1")]))
        .await
        .unwrap_err();
    assert_failure(
        &failure,
        FailureKind::Unavailable,
        "cannot be reached (its name cannot be resolved)",
    );
}
