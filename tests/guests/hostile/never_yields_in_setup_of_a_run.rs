//! Its `setup` is quick at deploy and computes forever afterwards. It recognises the deploy by a
//! key in its state.

use std::hint::black_box;

use sdk::hayrick::pipeline::state;
use sdk::{ChatRequest, Outcome};

async fn setup() -> Outcome {
    if state::get("deployed".to_owned()).await?.is_some() {
        loop {
            black_box(());
        }
    }
    state::set("deployed".to_owned(), vec![1], None).await?;
    Ok(())
}

async fn chat(_request: ChatRequest) -> Outcome {
    Ok(())
}

sdk::serve!(setup: setup, chat: chat);
