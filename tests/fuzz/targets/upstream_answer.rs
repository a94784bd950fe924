//! The reader of an upstream's answer: any event or document, and what is made of it is no longer
//! than it.
#![no_main]

use hayrick_services::llm::fuzzing::check_answer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check_answer(data));
