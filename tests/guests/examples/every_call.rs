//! Calls every function of `hayrick:pipeline`.

#[macro_use]
#[path = "../src/every_call.rs"]
mod every_call;

use sdk::hayrick::pipeline as contract;
use sdk::{Attempt, ChatRequest, FilesRequest, JobFailure};

every_call!([async fn] [.await] []);

sdk::serve!(chat: chat, files: files, job: job);
