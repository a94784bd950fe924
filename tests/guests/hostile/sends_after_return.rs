//! Spawns a task that keeps sending after the call has returned.

use sdk::hayrick::pipeline::timers;
use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    wit_bindgen::spawn_local(async {
        for _ in 0..1_000 {
            timers::sleep(5).await;
            let _ = say("LATE").await;
        }
    });
    say("in time").await
}

sdk::serve!(chat: chat);
