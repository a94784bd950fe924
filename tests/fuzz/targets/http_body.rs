//! The JSON bodies of a chat, a streamed chat and a job submission, through the whole HTTP stack and
//! into a guest.
#![no_main]

use fuzz::server::{send, start};
use libfuzzer_sys::fuzz_target;

// Starting the host does not count towards the first input's time.
fuzz_target!(init: start(), |data: &[u8]| {
    // The first byte chooses the route.
    let Some((&route, body)) = data.split_first() else { return };
    let path = if route % 2 == 0 { "/v1/chat/completions" } else { "/job-worker/jobs" };
    send(path, "application/json", body).check();
});
