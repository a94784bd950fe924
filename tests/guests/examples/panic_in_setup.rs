//! Panics in `setup`.

use guests::Outcome;

async fn setup() -> Outcome {
    panic!("this guest panics in setup")
}

guests::serve!(guests::silent, setup);
