//! Accepts the files of a form without reading them.

use sdk::{FilesRequest, Outcome, say};

async fn files(request: FilesRequest) -> Outcome {
    say(format!("forgot {} files", request.files.len())).await
}

sdk::serve!(files: files);
