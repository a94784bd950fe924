//! Calls every host function that does not wait, in a loop, forever.

use std::hint::black_box;
use std::time::{Instant, SystemTime};

use sdk::hayrick::pipeline::types::{Level, Progress};
use sdk::hayrick::pipeline::{log, tasks};
use sdk::{ChatRequest, Outcome};
use wasip2::random::random::get_random_u64;

async fn chat(_request: ChatRequest) -> Outcome {
    let mut count = 0_u64;
    loop {
        count += 1;
        log::write(Level::Trace, "storm");
        tasks::note("storm");
        tasks::report(&Progress {
            done: count,
            total: None,
            message: Some("storm".to_owned()),
        });
        black_box((
            tasks::id(),
            get_random_u64(),
            Instant::now(),
            SystemTime::now(),
        ));
    }
}

sdk::serve!(chat: chat);
