//! Reads its files with the largest possible length, all concurrently, and far past their end.

use futures_util::future::join_all;
use sdk::{FilesRequest, Outcome, say};

async fn files(request: FilesRequest) -> Outcome {
    for piece in join_all(request.files.iter().map(|file| file.read(u32::MAX))).await {
        let bytes = piece?.len();
        let verdict = if bytes > 1 << 20 {
            "IN REACH"
        } else {
            "denied"
        };
        say(format!("read: {verdict}: {bytes} bytes in one piece\n")).await?;
    }
    for file in &request.files {
        for _ in 0..1000 {
            file.read(0).await?;
            file.read(u32::MAX).await?;
        }
    }
    Ok(())
}

sdk::serve!(files: files);
