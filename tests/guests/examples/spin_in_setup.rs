//! Computes in `setup` and never ends.

use std::hint::black_box;

use guests::Outcome;

async fn setup() -> Outcome {
    loop {
        black_box(());
    }
}

guests::serve!(guests::silent, setup);
