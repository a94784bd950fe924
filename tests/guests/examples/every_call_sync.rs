//! Calls every function of `hayrick:pipeline-sync`, whose text `build.sh` derives.

#[macro_use]
#[path = "../src/every_call.rs"]
mod every_call;

use exports::hayrick::pipeline_sync::api::{self, ApiRequest, Description, Output};
use exports::hayrick::pipeline_sync::chat::{self, ChatRequest};
use exports::hayrick::pipeline_sync::embeddings::{self, EmbeddingsRequest};
use exports::hayrick::pipeline_sync::files::{self, FilesRequest};
use exports::hayrick::pipeline_sync::job_handler::{self, Attempt, JobFailure};
use exports::hayrick::pipeline_sync::lifecycle;
use hayrick::pipeline_sync as contract;

wit_bindgen::generate!({
    path: "../../target/guests/wit-sync",
    world: "everything",
    additional_type_attributes: {
        "hayrick:pipeline-sync/types@0.1.0/options": [#[derive(Default)]],
        "hayrick:pipeline-sync/types@0.1.0/submit-options": [#[derive(Default)]],
    },
});

every_call!([fn] [] [&]);

struct Plugin;

impl lifecycle::Guest for Plugin {
    fn setup() -> Result<(), Failure> {
        Ok(())
    }
}

impl api::Guest for Plugin {
    fn describe() -> Result<Description, Failure> {
        Ok(Description {
            title: None,
            summary: None,
            input: r#"{"type": "object"}"#.to_owned(),
            output: None,
        })
    }

    fn run_api(request: ApiRequest) -> Result<Output, Failure> {
        Ok(Output::Value(request.input))
    }
}

impl chat::Guest for Plugin {
    fn run_chat_completion(request: ChatRequest) -> Result<(), Failure> {
        chat(request)
    }
}

impl embeddings::Guest for Plugin {
    fn embed(request: EmbeddingsRequest) -> Result<Vec<Vec<f32>>, Failure> {
        Ok(request
            .texts
            .iter()
            .map(|text| vec![text.len() as f32])
            .collect())
    }
}

impl files::Guest for Plugin {
    fn process_files(request: FilesRequest) -> Result<(), Failure> {
        files(request)
    }
}

impl job_handler::Guest for Plugin {
    fn run_job(attempt: Attempt) -> Result<String, JobFailure> {
        job(attempt)
    }
}

export!(Plugin);
