//! Copies and fills 24 MiB forever, each time with a single instruction.

use std::hint::black_box;

use sdk::{ChatRequest, Outcome};

const BYTES: usize = 12 << 20;

async fn chat(_request: ChatRequest) -> Outcome {
    let mut memory = vec![1_u8; 2 * BYTES];
    let mut value = 0_u8;
    loop {
        value = value.wrapping_add(1);
        memory[..BYTES].fill(value);
        memory.copy_within(..BYTES, BYTES);
        black_box(&mut memory);
    }
}

sdk::serve!(chat: chat);
