//! Knows the id of another plugin's job (the client's message) and tries to read, wait for and
//! cancel it.

use hostile::{Report, client_text, shown};
use sdk::hayrick::pipeline::jobs::{self, SubmitOptions};
use sdk::hayrick::pipeline::types::Failure;
use sdk::{Attempt, ChatRequest, JobOutcome, Outcome};

async fn chat(request: ChatRequest) -> Outcome {
    let stolen = client_text(&request);
    let mut report = Report::default();
    let spellings = [
        stolen.clone(),
        stolen.to_uppercase(),
        format!("{{{stolen}}}"),
        format!("urn:uuid:{stolen}"),
        stolen.replace('-', ""),
    ];
    for id in spellings {
        let found = jobs::get(id.clone())
            .await
            .and_then(|job| job.ok_or_else(nothing));
        report.must_fail("get", found.map_err(shown), |job| {
            format!("{:?}", job.result)
        });
        report.must_fail(
            "wait",
            jobs::wait(id.clone(), Some(10)).await.map_err(shown),
            |job| format!("{:?}", job.result),
        );
        report.must_fail("cancel", jobs::cancel(id).await.map_err(shown), |job| {
            format!("{:?}", job.status)
        });
    }
    for id in [
        "",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "../hostile-victim/1",
        "\u{0}",
        "' OR 1=1 --",
    ] {
        report.must_fail(
            "guess",
            jobs::wait(id.to_owned(), Some(1)).await.map_err(shown),
            |job| job.id,
        );
    }
    let options = SubmitOptions {
        idempotency_key: Some("key".to_owned()),
        ..SubmitOptions::default()
    };
    let own = jobs::submit("secret".to_owned(), "1".to_owned(), options)
        .await
        .map_err(shown);
    report.tried(
        "same key",
        own.map(|job| {
            if job.id == stolen {
                "IN REACH".to_owned()
            } else {
                "a separate job".to_owned()
            }
        }),
    );
    let leaks = jobs::list(None, u32::MAX)
        .await
        .unwrap_or_default()
        .iter()
        .filter(|job| job.id == stolen)
        .count();
    report.must_be_empty("list", &vec![stolen; leaks]);
    report.must_fail(
        "checkpoint",
        jobs::checkpoint("1".to_owned()).await.map_err(shown),
        |()| String::new(),
    );
    report.send().await
}

async fn job(attempt: Attempt) -> JobOutcome {
    Ok(attempt.data)
}

fn nothing() -> Failure {
    sdk::invalid_input("nothing there")
}

sdk::serve!(chat: chat, job: job);
