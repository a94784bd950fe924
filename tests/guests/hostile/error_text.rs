//! Fails with ten mebibytes of text that tries to be a log line, a frame and a command to a
//! terminal.

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
