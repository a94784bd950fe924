//! Computes forever instead of reading its files.

use std::hint::black_box;

use sdk::{FilesRequest, Outcome};

async fn files(_request: FilesRequest) -> Outcome {
    loop {
        black_box(());
    }
}

sdk::serve!(files: files);
