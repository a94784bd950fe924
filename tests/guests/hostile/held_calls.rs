//! Starts hundreds of calls whose arguments or results are large, and computes while the host holds
//! them.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hostile::{Report, client_text, shown};
use sdk::hayrick::pipeline::jobs::{self, SubmitOptions};
use sdk::hayrick::pipeline::{llm, state};
use sdk::{Attempt, ChatRequest, JobOutcome, Outcome};

const CALLS: usize = 400;
const BUSY: Duration = Duration::from_millis(500);

async fn chat(request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    let (call, done) = match client_text(&request).as_str() {
        "embed" => {
            let embed = async || llm::embed(vec![String::new(); 500_000], None).await.is_ok();
            ("embed", busy(join_all((0..CALLS).map(|_| embed()))).await)
        }
        "ids" => {
            let id = "x".repeat(4 << 20);
            let get = async || jobs::get(id.clone()).await.is_ok();
            ("get", busy(join_all((0..CALLS).map(|_| get()))).await)
        }
        "wait" => {
            let submitted =
                jobs::submit("large".to_owned(), "1".to_owned(), SubmitOptions::default()).await?;
            jobs::wait(submitted.id.clone(), Some(5000)).await?;
            let wait = async || jobs::wait(submitted.id.clone(), None).await.is_ok();
            ("wait", busy(join_all((0..CALLS).map(|_| wait()))).await)
        }
        _ => {
            report.tried(
                "set",
                state::set("large".to_owned(), vec![1; 1 << 20], None)
                    .await
                    .map(|_| String::new())
                    .map_err(shown),
            );
            let get = async || state::get("large".to_owned()).await.is_ok();
            ("get", busy(join_all((0..CALLS).map(|_| get()))).await)
        }
    };
    let done = done.iter().filter(|done| **done).count();
    report.tried(call, Ok::<_, String>(done.to_string()));
    report.send().await
}

/// Starts what `calls` starts, computes, and then awaits it.
async fn busy<T>(calls: impl Future<Output = T>) -> T {
    let mut calls = pin!(calls);
    let mut is_started = false;
    poll_fn(|context| {
        let polled = calls.as_mut().poll(context);
        if !is_started && polled.is_pending() {
            is_started = true;
            let start = Instant::now();
            while start.elapsed() < BUSY {
                std::hint::spin_loop();
            }
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        polled
    })
    .await
}

async fn job(_attempt: Attempt) -> JobOutcome {
    Ok(format!("\"{}\"", "x".repeat(3 << 20)))
}

sdk::serve!(chat: chat, job: job);
