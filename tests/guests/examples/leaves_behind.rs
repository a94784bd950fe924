//! Answers with the number of its run, and leaves behind what the question names: a `task` that
//! sends later, a task that will `panic`, or a host `call` that nobody awaits.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use sdk::hayrick::pipeline::timers;
use sdk::{ChatRequest, Outcome, question, say};

static RUNS: AtomicU64 = AtomicU64::new(0);
const LATER_MS: u64 = 50;

async fn chat(request: ChatRequest) -> Outcome {
    let run = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
    match question(&request.messages)?.as_str() {
        "task" => wit_bindgen::spawn_local(async {
            timers::sleep(LATER_MS).await;
            let _ = say("LATE").await;
        }),
        "panic" => wit_bindgen::spawn_local(async {
            timers::sleep(LATER_MS).await;
            panic!("after the run");
        }),
        "call" => {
            start(async {
                timers::sleep(LATER_MS).await;
            })
            .await
        }
        _ => timers::sleep(2 * LATER_MS).await,
    }
    say(run.to_string()).await
}

/// Polls a future once, and then neither awaits nor cancels it.
async fn start(call: impl Future<Output = ()>) {
    let mut call = Box::pin(call);
    poll_fn(|context| {
        let _ = pin!(&mut call).poll(context);
        Poll::Ready(())
    })
    .await;
    std::mem::forget(call);
}

sdk::serve!(chat: chat);
