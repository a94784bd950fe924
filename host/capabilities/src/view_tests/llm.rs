//! `llm`: granted models, token budgets, and handles of generations.

use hayrick_types::settings::plugin::ModelGrant;

use crate::bindings::hayrick::pipeline::types::{
    Chunk, FailureKind, Message, Options, Part, Role, TextPart,
};
use crate::bindings::sync::hayrick::pipeline_sync::llm::{Host as _, HostGeneration};
use crate::llm::view;
use crate::view_tests::{Host, assert_failure, policy};

fn question() -> Vec<Message> {
    vec![Message {
        role: Role::User,
        content: vec![Part::Text(TextPart {
            text: "hello".to_owned(),
            fields: None,
        })],
        name: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
        fields: None,
    }]
}

fn options(model: Option<&str>) -> Options {
    Options {
        model: model.map(str::to_owned),
        temperature: None,
        max_tokens: None,
        seed: None,
        tools: Vec::new(),
        response_format: None,
        extra: None,
    }
}

#[tokio::test]
async fn only_granted_models_answer() {
    let host = Host::start().await;
    let mut granted = policy();
    granted.models.aliases = Some(vec!["builtin".to_owned()]);
    let mut run = host.run("echo", &granted);
    for model in [None, Some("builtin")] {
        let answer = view(&mut run).generate(question(), options(model)).await;
        assert!(answer.unwrap().unwrap().text.ends_with("hello"));
    }
    let refused = view(&mut run)
        .generate(question(), options(Some("expensive")))
        .await;
    assert_failure(
        &refused.unwrap().unwrap_err(),
        FailureKind::Denied,
        "'expensive'",
    );
    let refused = view(&mut run)
        .embed(vec!["text".to_owned()], Some("expensive".to_owned()))
        .await;
    assert_eq!(refused.unwrap().unwrap_err().kind, FailureKind::Denied);
}

#[tokio::test]
async fn a_run_ends_with_its_token_budget_and_the_next_has_its_own() {
    let host = Host::start().await;
    let mut limited = policy();
    limited.models = ModelGrant {
        run_tokens_max: Some(20),
        ..ModelGrant::default()
    };
    let mut run = host.run("echo", &limited);
    let mut calls = 0;
    let failure = loop {
        match view(&mut run)
            .generate(question(), options(None))
            .await
            .unwrap()
        {
            Ok(_) => calls += 1,
            Err(failure) => break failure,
        }
        assert!(calls < 10, "nothing is counted");
    };
    assert_failure(&failure, FailureKind::Limit, "run_tokens_max");
    assert_eq!(failure.limit.as_deref(), Some("models.run_tokens_max"));
    let mut next = host.run("echo", &limited);
    let answer = view(&mut next).generate(question(), options(None)).await;
    answer.unwrap().unwrap();
}

#[tokio::test]
async fn a_daily_budget_is_shared_by_all_runs_of_a_plugin() {
    let host = Host::start().await;
    let mut limited = policy();
    limited.models.day_tokens_max = Some(10);
    let mut first = host.run("echo", &limited);
    // It may end with the budget, too.
    let _ = view(&mut first).generate(question(), options(None)).await;
    let mut second = host.run("echo", &limited);
    let refused = view(&mut second).generate(question(), options(None)).await;
    assert_failure(
        &refused.unwrap().unwrap_err(),
        FailureKind::Limit,
        "day_tokens_max",
    );
    let mut other = host.run("other", &limited);
    let answer = view(&mut other).embed(vec!["text".to_owned()], None).await;
    answer.unwrap().unwrap();
}

#[tokio::test]
async fn a_generation_is_read_by_its_handle_until_that_is_dropped() {
    let host = Host::start().await;
    let mut run = host.run("echo", &policy());
    let stream = view(&mut run)
        .generate_stream(question(), options(None))
        .await;
    let handle = stream.unwrap().unwrap();
    let number = handle.rep();
    let copy = || wasmtime::component::Resource::new_own(number);
    let chunk = view(&mut run).next(copy()).await.unwrap().unwrap();
    assert!(matches!(chunk, Some(Chunk::Text(_))));
    HostGeneration::drop(&mut view(&mut run), handle)
        .await
        .unwrap();
    assert!(view(&mut run).next(copy()).await.is_err());
}

#[tokio::test]
async fn open_handles_are_limited() {
    let host = Host::start().await;
    let mut one = policy();
    one.limits.resources_max = 1;
    let mut run = host.run("echo", &one);
    let mut view = view(&mut run);
    let first = view.generate_stream(question(), options(None)).await;
    first.unwrap().unwrap();
    let second = view.generate_stream(question(), options(None)).await;
    assert!(second.is_err());
}
