//! Panics in `setup`.

use sdk::Outcome;

async fn setup() -> Outcome {
    panic!("this guest panics in setup")
}

sdk::serve!(setup: setup, chat: guests::silent);
