//! The parser of an upstream's event stream: arbitrary bytes, split anywhere, compared with the same
//! bytes in one piece.
#![no_main]

use hayrick_services::llm::fuzzing::check_stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check_stream(data));
