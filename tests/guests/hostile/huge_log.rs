//! Logs, notes and reports texts as large as its memory, fifty times each.

use hostile::{Report, huge};
use sdk::hayrick::pipeline::types::{Level, Progress};
use sdk::hayrick::pipeline::{log, tasks};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let text = huge();
    for _ in 0..50 {
        log::write(Level::Error, &text);
        tasks::note(&text);
        tasks::report(&Progress {
            done: u64::MAX,
            total: Some(0),
            message: Some(text.clone()),
        });
    }
    let mut report = Report::default();
    report.tried("log", Ok::<_, String>(text.len().to_string()));
    report.send().await
}

sdk::serve!(chat: chat);
