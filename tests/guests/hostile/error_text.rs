//! Fails with four mebibytes of text that imitates a log line, a frame and a terminal command.

use hostile::FORGERIES;
use sdk::hayrick::pipeline::types::{Failure, FailureKind};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let text = FORGERIES.concat();
    let message = text.repeat((4 << 20) / text.len());
    Err(Failure {
        kind: FailureKind::Failed,
        message,
        retry_after: Some(u64::MAX),
        limit: None,
    })
}

sdk::serve!(chat: chat);
