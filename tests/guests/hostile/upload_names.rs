//! Sends the names of its files, so that a client can see what became of the names it sent.

use sdk::{FilesRequest, Outcome, say};

async fn files(request: FilesRequest) -> Outcome {
    for file in request.files {
        let name = file.name();
        let climbs = name.contains(['/', '\\', '\0', '\n', '\r']) || name == ".." || name == ".";
        let verdict = if climbs { "IN REACH" } else { "denied" };
        say(format!("name: {verdict}: {name:?}\n")).await?;
    }
    Ok(())
}

sdk::serve!(files: files);
