//! Panics when the host asks it for memory to put an answer into.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use sdk::hayrick::pipeline::tasks;
use sdk::{ChatRequest, Outcome, say};

struct Trapping;

static ARMED: AtomicBool = AtomicBool::new(false);

#[global_allocator]
static ALLOCATOR: Trapping = Trapping;

// SAFETY: it is the system's allocator, or it ends the program.
unsafe impl GlobalAlloc for Trapping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ARMED.load(Ordering::Relaxed) {
            core::arch::wasm32::unreachable();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

async fn chat(_request: ChatRequest) -> Outcome {
    say("first").await?;
    ARMED.store(true, Ordering::Relaxed);
    let id = tasks::id();
    ARMED.store(false, Ordering::Relaxed);
    say(format!("IN REACH: {id}")).await
}

sdk::serve!(chat: chat);
