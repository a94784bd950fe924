//! Repeats one cheap operation forever: the one named in the last user message.

use std::hint::black_box;
use std::time::Instant;

use sdk::hayrick::pipeline::types::{Level, Progress};
use sdk::hayrick::pipeline::{log, tasks, timers};
use sdk::{ChatRequest, Outcome, invalid_input, question};

const BULK_BYTES: usize = 16 << 20;
/// More pages than the memory limit allows, so that growing fails.
const TOO_MANY_PAGES: usize = 60_000;

async fn chat(request: ChatRequest) -> Outcome {
    let verb = question(&request.messages)?;
    let (source, mut target) = (vec![1_u8; BULK_BYTES], vec![0_u8; BULK_BYTES]);
    loop {
        match verb.as_str() {
            "log" => log::write(Level::Info, "again"),
            "note" => tasks::note("again"),
            "report" => tasks::report(&Progress {
                done: 0,
                total: None,
                message: None,
            }),
            "id" => drop(black_box(tasks::id())),
            "clock" => drop(black_box(Instant::now())),
            "print" => println!("again"),
            "bulk" => black_box(&mut target).copy_from_slice(black_box(&source)),
            "grow" => drop(black_box(core::arch::wasm32::memory_grow(
                0,
                TOO_MANY_PAGES,
            ))),
            "sleep" => timers::sleep(0).await,
            _ => {
                return Err(invalid_input(
                    "write log, note, report, id, clock, print, bulk, grow or sleep",
                ));
            }
        }
    }
}

sdk::serve!(chat: chat);
