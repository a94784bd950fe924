//! Reads the same large value a hundred thousand times concurrently, so that the host holds as many
//! copies as it allows.

use futures_util::future::join_all;
use hostile::Report;
use sdk::hayrick::pipeline::state;
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    state::set("large".to_owned(), vec![7; 1 << 20], None).await?;
    let read = join_all((0..100_000).map(|_| state::get("large".to_owned()))).await;
    let mut report = Report::default();
    report.tried("read", Ok::<_, String>(read.len().to_string()));
    report.send().await
}

sdk::serve!(chat: chat);
