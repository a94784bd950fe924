//! Reads files at the same time, each piece by piece, and keeps of them only their sizes.

use std::cell::Cell;

use futures_util::future::join_all;
use sdk::hayrick::pipeline::tasks;
use sdk::hayrick::pipeline::types::Failure;
use sdk::hayrick::pipeline::uploads::Upload;
use sdk::progress;

/// Bytes of one file that are in memory at a time.
const PIECE_BYTES_MAX: u32 = 64 << 10;

/// What is known of a file that has been read.
pub struct Counted {
    pub name: String,
    /// In bytes, or why the file could not be read to its end.
    pub size: Result<u64, Failure>,
}

/// Reads all files, and reports each one that is done. The answers are in the order of the files.
pub async fn count_all(files: Vec<Upload>) -> Vec<Counted> {
    let (done, total) = (Cell::new(0), files.len());
    tasks::report(&progress(0, total));
    join_all(files.into_iter().map(async |file| {
        let counted = Counted {
            name: file.name(),
            size: count(&file).await,
        };
        done.set(done.get() + 1);
        tasks::report(&progress(done.get(), total));
        counted
    }))
    .await
}

async fn count(file: &Upload) -> Result<u64, Failure> {
    let mut bytes = 0;
    loop {
        let piece = file.read(PIECE_BYTES_MAX).await?;
        if piece.is_empty() {
            return Ok(bytes);
        }
        bytes += piece.len() as u64;
    }
}
