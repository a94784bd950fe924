//! Guesses the handles of files: every number except its own. The first wrong one ends the run.

use sdk::hayrick::pipeline::uploads::Upload;
use sdk::{FilesRequest, Outcome, say};

async fn files(request: FilesRequest) -> Outcome {
    let own: Vec<u32> = request.files.iter().map(Upload::handle).collect();
    for handle in (0..10_000).rev().filter(|handle| !own.contains(handle)) {
        // SAFETY: only the host interprets a handle; it is not an address in this guest.
        let forged = unsafe { Upload::from_handle(handle) };
        say(format!("upload {handle}: IN REACH: {}", forged.name())).await?;
    }
    Ok(())
}

sdk::serve!(files: files);
