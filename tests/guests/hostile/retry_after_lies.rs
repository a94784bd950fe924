//! Fails as if the host itself were busy, for longer than time lasts, with text that tries to be a
//! header.

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
