//! Asks for more random bytes than fit in memory.

use sdk::{ChatRequest, Outcome, say};
use wasip2::random::random::get_random_bytes;

async fn chat(_request: ChatRequest) -> Outcome {
    let bytes = get_random_bytes(u64::MAX).len();
    say(format!("random: IN REACH: {bytes}")).await
}

sdk::serve!(chat: chat);
