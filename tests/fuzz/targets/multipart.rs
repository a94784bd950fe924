//! An arbitrary form of files, in pieces of any size, through the whole HTTP stack and into a guest
//! that reads it.
#![no_main]

use fuzz::server::{send_pieces, start};
use libfuzzer_sys::fuzz_target;

/// Bytes beyond the host's limits find nothing new.
const BODY_BYTES_MAX: usize = 8192;

// Starting the host does not count towards the first input's time.
fuzz_target!(init: start(), |data: &[u8]| {
    // The first byte is the size of the pieces.
    let Some((&size, body)) = data.split_first() else { return };
    let body = &body[..body.len().min(BODY_BYTES_MAX)];
    // No more than 16 packets.
    let size = usize::from(size).max(1).max(body.len() / 16);
    let pieces: Vec<&[u8]> = body.chunks(size).collect();
    let answer = send_pieces("/files-echo/files", "multipart/form-data; boundary=B", &pieces);
    answer.check();
    assert!(answer.status < 500, "{answer:?}");
});
