//! Polls two thousand WASI timers at once, in a loop: each poll is one call, and the host does the
//! work.

use sdk::{ChatRequest, Outcome};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::{Pollable, poll};

async fn chat(_request: ChatRequest) -> Outcome {
    let far: Vec<Pollable> = (0..1000)
        .map(|_| subscribe_duration(3_600_000_000_000))
        .collect();
    let near = subscribe_duration(0);
    let all: Vec<&Pollable> = far.iter().chain(std::iter::repeat_n(&near, 1000)).collect();
    loop {
        poll(&all);
    }
}

sdk::serve!(chat: chat);
