//! Computes forever in `setup`.

use std::hint::black_box;

use sdk::Outcome;

async fn setup() -> Outcome {
    loop {
        black_box(());
    }
}

sdk::serve!(setup: setup, chat: guests::silent);
