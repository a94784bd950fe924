//! Reads half of a file and panics with all of them in its hands.

use sdk::{FilesRequest, Outcome};

async fn files(request: FilesRequest) -> Outcome {
    for file in &request.files {
        file.read(10).await?;
    }
    panic!("this guest panics with files in its hands")
}

sdk::serve!(files: files);
