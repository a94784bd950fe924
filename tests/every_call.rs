//! Every function of the contract, called by a guest of each package. The results must be right,
//! and a function that no guest calls fails the test.

use std::collections::BTreeMap;

use crate::support::fake_site::{Answer, FakeSite};
use crate::support::form::{Form, upload};
use crate::support::host::TestHost;
use crate::support::source::read;

/// The functions that the contract's imports declare, as the guests name them.
fn declared() -> Vec<String> {
    let text = read("wit/imports.wit");
    let (mut interface, mut resource) = (String::new(), String::new());
    let mut functions = Vec::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(name) = line.strip_prefix("interface ") {
            interface = format!("{}.", name.trim_end_matches(" {"));
        } else if let Some(name) = line.strip_prefix("resource ") {
            resource = format!("{}.", name.trim_end_matches(" {"));
        } else if line == "}" && indent == 4 {
            resource.clear();
        } else if let Some((name, kind)) = line.split_once(": ")
            && (kind.starts_with("func(") || kind.starts_with("async func("))
        {
            functions.push(format!(
                "{interface}{resource}{}",
                name.trim_start_matches('%')
            ));
        }
    }
    assert!(functions.len() >= 32, "read wrongly: {functions:?}");
    functions.sort();
    functions
}

/// The guest's report on each function that it called.
fn verdicts(text: &str) -> BTreeMap<String, String> {
    let calls = text
        .lines()
        .filter_map(|line| line.strip_prefix("call ")?.split_once(' '));
    calls
        .map(|(function, verdict)| (function.to_owned(), verdict.to_owned()))
        .collect()
}

async fn every_function_answers(guest: &str) {
    let site = FakeSite::start(|_, _| Answer::ok("hello")).await;
    let granted = site
        .policy("[config]\ngreeting = 'hello'")
        .replace("['http']", "['llm', 'jobs', 'state', 'config', 'http']");
    let host = TestHost::builder()
        .guest(guest)
        .policy(guest, &granted)
        .start()
        .await;
    let chat = host.client.chat(guest, &site.url("/")).await;
    let mut called = verdicts(&chat.text());
    let form = Form::default().file("name.txt", "hello");
    called.extend(verdicts(&upload(&host.client, guest, form).await.body));
    for (function, verdict) in &called {
        assert_eq!(verdict, "ok", "{guest}: {function}");
    }
    assert_eq!(
        called.into_keys().collect::<Vec<_>>(),
        declared(),
        "{guest}"
    );

    let run = chat.header("x-hayrick-run").unwrap();
    host.logs.line(&["every call", run]).await;
    let task = host
        .client
        .get(&format!("/{guest}/tasks/{run}"))
        .await
        .json();
    assert_eq!(
        (&task["progress"]["done"], &task["notes"][0]["text"]),
        (&1.into(), &"every call".into()),
        "{task}"
    );
}

#[tokio::test]
async fn every_async_function_works() {
    every_function_answers("every-call").await;
}

#[tokio::test]
async fn every_sync_function_works() {
    every_function_answers("every-call-sync").await;
}
