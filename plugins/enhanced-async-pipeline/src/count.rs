//! Reads files concurrently, piece by piece, and keeps only their sizes.

use std::cell::Cell;

use futures_util::future::join_all;
use sdk::hayrick::pipeline::tasks;
use sdk::hayrick::pipeline::types::Failure;
use sdk::hayrick::pipeline::uploads::Upload;
use sdk::progress;

/// Maximum number of bytes of one file in memory at a time.
const PIECE_BYTES_MAX: u32 = 64 << 10;

/// The result of reading one file.
pub struct Counted {
    pub name: String,
    /// Size in bytes, or why the file could not be read to the end.
    pub size: Result<u64, Failure>,
}

/// Reads all files and reports progress after each one. The results are in the order of the files.
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
