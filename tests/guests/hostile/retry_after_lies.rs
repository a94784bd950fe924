//! Claims that the host is busy until the end of time, with text that imitates a header.

use sdk::hayrick::pipeline::types::{Failure, FailureKind};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let message = "busy\r\nX-Forged: yes\r\n\r\nforged".to_owned();
    Err(Failure {
        kind: FailureKind::Unavailable,
        message,
        retry_after: Some(u64::MAX),
        limit: None,
    })
}

sdk::serve!(chat: chat);
