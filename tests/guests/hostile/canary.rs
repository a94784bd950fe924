//! Fills its memory with a pattern (`write`), or looks for a pattern left by an earlier run
//! (`scan`).

use std::hint::black_box;

use hostile::{Report, client_text};
use sdk::{ChatRequest, Outcome, say};

/// Scrambled before use, so that the pattern is in memory only where a run wrote it.
const KEY: u64 = 0x5eed_0fca_9a71_e500;
const PAGE: usize = 64 << 10;

fn pattern() -> u64 {
    black_box(KEY).rotate_left(17) ^ black_box(0xa5a5_5a5a_c3c3_3c3c)
}

async fn chat(request: ChatRequest) -> Outcome {
    if client_text(&request) == "write" {
        let pattern = pattern();
        // As much as possible, minus what the answer needs.
        let mut held = Vec::<Vec<u64>>::new();
        while held.len() < 24 {
            let mut block = Vec::new();
            if block.try_reserve_exact(PAGE).is_err() {
                break;
            }
            block.resize(PAGE, pattern);
            held.push(black_box(block));
        }
        return say(format!("wrote: done: {}", held.len())).await;
    }
    let found = scan();
    let mut report = Report::default();
    report.must_be_empty("canary", &vec!["pattern".to_owned(); found]);
    report.send().await
}

/// Counts the pattern in the existing memory and in newly grown pages.
fn scan() -> usize {
    let before = core::arch::wasm32::memory_size(0);
    core::arch::wasm32::memory_grow(0, 256);
    let pages = core::arch::wasm32::memory_size(0).max(before);
    let pattern = pattern();
    // SAFETY: every address is in this guest's own memory, and an aligned read cannot fail.
    (8..pages * PAGE)
        .step_by(8)
        .filter(|address| unsafe { std::ptr::read_volatile(*address as *const u64) } == pattern)
        .count()
}

sdk::serve!(chat: chat);
