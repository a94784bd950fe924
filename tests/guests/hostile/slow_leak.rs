//! Leaks a mebibyte every other millisecond, and waits in between.

use std::hint::black_box;

use sdk::hayrick::pipeline::timers;
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    loop {
        Box::leak(black_box(vec![1_u8; 1 << 20]).into_boxed_slice());
        timers::sleep(2).await;
    }
}

sdk::serve!(chat: chat);
