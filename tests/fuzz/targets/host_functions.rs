//! A guest that turns the input into a sequence of host calls, in a chat, over files and in a job.
#![no_main]

use fuzz::server::{get, send, send_pieces, start};
use libfuzzer_sys::fuzz_target;

/// More bytes give no more calls.
const INPUT_BYTES_MAX: usize = 1024;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Starting the host does not count towards the first input's time.
fuzz_target!(init: start(), |data: &[u8]| {
    let Some((&entry, calls)) = data.split_first() else { return };
    let calls = hex(&calls[..calls.len().min(INPUT_BYTES_MAX)]);
    let answer = match entry % 4 {
        0 | 1 => {
            let stream = entry % 4 == 1;
            let body = format!(r#"{{"model":"any-calls","stream":{stream},"messages":[{{"role":"user","content":"{calls}"}}]}}"#);
            send("/v1/chat/completions", "application/json", body.as_bytes())
        }
        2 => {
            let part = |head: &str, content: &str| format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n");
            let form = part("name=\"a\"; filename=\"a.txt\"", "some text") + &part("name=\"calls\"", &calls) + "--B--\r\n";
            send_pieces("/any-calls/files", "multipart/form-data; boundary=B", &[form.as_bytes()])
        }
        _ => send("/any-calls/jobs", "application/json", format!(r#"{{"type":"calls","data":"{calls}"}}"#).as_bytes()),
    };
    answer.check();
    if entry % 4 != 3 {
        // Whatever the guest did, its store is dropped with its answer. Jobs may still be running.
        let status = get("/status/any-calls");
        assert_eq!(status.status, 200, "{status:?}");
        assert!(status.body.contains("\"active_runs\":"), "{status:?}");
    }
});
