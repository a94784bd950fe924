//! The reader of an upstream's answer: any event or document, and the chunks are no longer
//! than it.
#![no_main]

use hayrick_services::llm::fuzzing::check_answer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check_answer(data));
