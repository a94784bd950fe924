//! Takes random bytes forever.

use std::hint::black_box;

use sdk::{ChatRequest, Outcome};
use wasip2::random::insecure::get_insecure_random_bytes;
use wasip2::random::random::get_random_bytes;

async fn chat(_request: ChatRequest) -> Outcome {
    loop {
        black_box((
            get_random_bytes(16 << 10),
            get_insecure_random_bytes(16 << 10),
        ));
    }
}

sdk::serve!(chat: chat);
