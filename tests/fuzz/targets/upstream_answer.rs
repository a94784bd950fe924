//! The reader of an upstream's response: any event or document; the result is never longer than the
//! input.
#![no_main]

use hayrick_services::llm::fuzzing::check_answer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check_answer(data));
