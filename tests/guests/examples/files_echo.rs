//! Reads the files of a form concurrently and sends a summary of each, then the form's other
//! fields: one JSON document per line.

use futures_util::future::try_join_all;
use sdk::hayrick::pipeline::types::Failure;
use sdk::hayrick::pipeline::uploads::Upload;
use sdk::{FilesRequest, Outcome, say};
use serde_json::{Value, json};

/// Small enough that the tests' files have several pieces.
const PIECE_BYTES_MAX: u32 = 64 << 10;
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

async fn files(request: FilesRequest) -> Outcome {
    for found in try_join_all(request.files.iter().map(read)).await? {
        say(format!("{found}\n")).await?;
    }
    say(format!("{}\n", json!({ "fields": request.fields }))).await
}

async fn read(file: &Upload) -> Result<Value, Failure> {
    let (mut bytes, mut fnv1a) = (0, FNV_OFFSET);
    loop {
        let piece = file.read(PIECE_BYTES_MAX).await?;
        if piece.is_empty() {
            break;
        }
        bytes += piece.len();
        fnv1a = piece.iter().fold(fnv1a, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
        });
    }
    Ok(json!({
        "name": file.name(), "content_type": file.content_type(), "size": file.size(),
        "bytes_read": bytes, "fnv1a": format!("{fnv1a:016x}"),
    }))
}

sdk::serve!(files: files);
