//! Succeeds without sending anything.

use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    Ok(())
}

sdk::serve!(chat: chat);
