//! Panics while two hundred host calls are still waiting.

use futures_util::future::{join, join_all};
use sdk::hayrick::pipeline::types::Options;
use sdk::hayrick::pipeline::{llm, state, timers};
use sdk::{ChatRequest, Outcome, user_message};

async fn chat(_request: ChatRequest) -> Outcome {
    let sleeps = join_all((0..100).map(|_| timers::sleep(60_000)));
    let asks = join_all(
        (0..50).map(|_| llm::generate(vec![user_message("again and again")], Options::default())),
    );
    let writes =
        join_all((0..50).map(|number| state::set(format!("k{number}"), vec![1; 1000], None)));
    let panics = async {
        timers::sleep(1).await;
        panic!("this guest panics while its calls are waiting")
    };
    join(join(sleeps, asks), join(writes, panics)).await;
    Ok(())
}

sdk::serve!(chat: chat);
