//! Reads part of each file, then panics while it holds them all.

use sdk::{FilesRequest, Outcome};

async fn files(request: FilesRequest) -> Outcome {
    for file in &request.files {
        file.read(10).await?;
    }
    panic!("this guest panics while it holds files")
}

sdk::serve!(files: files);
