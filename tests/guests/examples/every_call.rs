//! Calls every function of `hayrick:pipeline`.

#[macro_use]
#[path = "../src/every_call.rs"]
mod every_call;

use sdk::hayrick::pipeline::types::{
    Chunk, Failure, HttpRequest, JobStatus, Level, Message, Options, Part, Progress, Role,
    SubmitOptions,
};
use sdk::hayrick::pipeline::{config, http, jobs, llm, log, response, state, tasks, timers};
use sdk::{Attempt, ChatRequest, FilesRequest, JobFailure};

every_call!([async fn] [.await] []);

sdk::serve!(chat: chat, files: files, job: job);
