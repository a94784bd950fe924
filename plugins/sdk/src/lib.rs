//! The contract for plugins in Rust: its bindings, `serve!`, and a few helpers that most pipelines
//! need.

pub mod worlds;

use hayrick::pipeline::http::{Incoming, Request};
use hayrick::pipeline::response;
pub use hayrick::pipeline::types::Failure;
use hayrick::pipeline::types::{Chunk, FailureKind, Message, Part, Progress, Role, TextPart};

wit_bindgen::generate!({
    path: "../../wit",
    world: "online",
    additional_type_attributes: {
        "hayrick:pipeline/types@0.1.0/options": [#[derive(Default)]],
        "hayrick:pipeline/types@0.1.0/submit-options": [#[derive(Default)]],
    },
    generate_all,
});

/// A client's request to a chat.
pub type ChatRequest = worlds::chat::exports::hayrick::pipeline::chat::ChatRequest;
/// The input of an API, and the files of the form.
pub type ApiRequest = worlds::api::exports::hayrick::pipeline::api::ApiRequest;
/// What clients of an API need to know.
pub type Description = worlds::api::exports::hayrick::pipeline::api::Description;
/// What an API returns: a value, a file, or that the answer was sent in chunks.
pub type Output = worlds::api::exports::hayrick::pipeline::api::Output;
/// Bytes for the client of an API.
pub type File = worlds::api::exports::hayrick::pipeline::api::File;
/// Texts to make vectors of.
pub type EmbeddingsRequest =
    worlds::embeddings::exports::hayrick::pipeline::embeddings::EmbeddingsRequest;
/// A form with files, as the client sent it.
pub type FilesRequest = worlds::files::exports::hayrick::pipeline::files::FilesRequest;
/// One attempt at a job.
pub type Attempt = worlds::job::exports::hayrick::pipeline::job_handler::Attempt;
/// How an attempt failed.
pub type JobFailure = worlds::job::exports::hayrick::pipeline::job_handler::JobFailure;
/// The error of an attempt that may be retried, and when.
pub type Retry = worlds::job::exports::hayrick::pipeline::job_handler::Retry;
/// How a run or a `setup` ends.
pub type Outcome = Result<(), Failure>;
/// How an attempt at a job ends. Its result is a JSON document.
pub type JobOutcome = Result<String, JobFailure>;

/// An API: what it takes, and how it answers.
pub trait Api {
    /// Describes the API to its clients. The host asks once, at deploy.
    fn describe() -> Description;

    /// Answers one request, whose input matches the schema.
    ///
    /// # Errors
    /// The client gets the failure.
    fn run(request: ApiRequest) -> impl Future<Output = Result<Output, Failure>>;
}

/// Exports functions from a plugin, and so serves its routes: any of `api`, `chat`,
/// `embeddings`, `files` and `job`, preceded by a `setup` if there is something to set up. An `api` is a type that implements
/// [`Api`].
///
/// ```text
/// sdk::serve!(setup: prepare, api: Translator, chat: answer, embeddings: embed, files: read, job: work);
///
/// async fn prepare() -> Outcome
/// impl Api for Translator
/// async fn answer(request: ChatRequest) -> Outcome
/// async fn embed(request: EmbeddingsRequest) -> Result<Vec<Vec<f32>>, Failure>
/// async fn read(request: FilesRequest) -> Outcome
/// async fn work(attempt: Attempt) -> JobOutcome
/// ```
#[macro_export]
macro_rules! serve {
    (@api $api:path) => {
        impl $crate::worlds::api::exports::hayrick::pipeline::api::Guest for Plugin {
            async fn describe() -> Result<$crate::Description, $crate::Failure> {
                Ok(<$api as $crate::Api>::describe())
            }

            async fn run_api(request: $crate::ApiRequest) -> Result<$crate::Output, $crate::Failure> {
                <$api as $crate::Api>::run(request).await
            }
        }
        $crate::worlds::api::export!(Plugin with_types_in $crate::worlds::api);
    };
    (@chat $function:path) => {
        impl $crate::worlds::chat::exports::hayrick::pipeline::chat::Guest for Plugin {
            async fn run_chat_completion(request: $crate::ChatRequest) -> $crate::Outcome {
                $function(request).await
            }
        }
        $crate::worlds::chat::export!(Plugin with_types_in $crate::worlds::chat);
    };
    (@embeddings $function:path) => {
        impl $crate::worlds::embeddings::exports::hayrick::pipeline::embeddings::Guest for Plugin {
            async fn embed(
                request: $crate::EmbeddingsRequest,
            ) -> Result<Vec<Vec<f32>>, $crate::Failure> {
                $function(request).await
            }
        }
        $crate::worlds::embeddings::export!(Plugin with_types_in $crate::worlds::embeddings);
    };
    (@files $function:path) => {
        impl $crate::worlds::files::exports::hayrick::pipeline::files::Guest for Plugin {
            async fn process_files(request: $crate::FilesRequest) -> $crate::Outcome {
                $function(request).await
            }
        }
        $crate::worlds::files::export!(Plugin with_types_in $crate::worlds::files);
    };
    (@job $function:path) => {
        impl $crate::worlds::job::exports::hayrick::pipeline::job_handler::Guest for Plugin {
            async fn run_job(attempt: $crate::Attempt) -> $crate::JobOutcome {
                $function(attempt).await
            }
        }
        $crate::worlds::job::export!(Plugin with_types_in $crate::worlds::job);
    };
    (setup: $setup:path, $($export:ident: $function:path),+ $(,)?) => {
        struct Plugin;

        impl $crate::worlds::lifecycle::exports::hayrick::pipeline::lifecycle::Guest for Plugin {
            async fn setup() -> $crate::Outcome {
                $setup().await
            }
        }
        $crate::worlds::lifecycle::export!(Plugin with_types_in $crate::worlds::lifecycle);
        $($crate::serve!(@$export $function);)+
    };
    ($($export:ident: $function:path),+ $(,)?) => {
        $crate::serve!(setup: $crate::ready, $($export: $function),+);
    };
}

/// A `setup` that does nothing.
///
/// # Errors
/// Never.
pub async fn ready() -> Outcome {
    Ok(())
}

impl From<Failure> for JobFailure {
    /// Invalid requests stay invalid; any other failure may be temporary and is worth a retry.
    fn from(failure: Failure) -> JobFailure {
        match failure.kind {
            FailureKind::InvalidInput | FailureKind::NotFound | FailureKind::Denied => {
                JobFailure::Permanent(failure.message)
            }
            _ => JobFailure::Retry(Retry {
                error: failure.message,
                delay: failure.retry_after,
            }),
        }
    }
}

/// The text of the user's last message.
///
/// # Errors
/// `invalid-input` if the user sent no text.
pub fn question(messages: &[Message]) -> Result<String, Failure> {
    let message = messages.iter().rfind(|message| message.role == Role::User);
    let parts = message.into_iter().flat_map(|message| &message.content);
    let texts = parts.filter_map(|part| match part {
        Part::Text(part) => Some(part.text.as_str()),
        _ => None,
    });
    let text = texts.collect::<String>();
    if text.trim().is_empty() {
        return Err(invalid_input(
            "messages has no text from the user: \
             add {\"role\": \"user\", \"content\": \"your question\"}",
        ));
    }
    Ok(text)
}

/// A user message, as a prompt for a model.
pub fn user_message(text: impl Into<String>) -> Message {
    Message {
        role: Role::User,
        content: vec![text_part(text)],
        name: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
        fields: None,
    }
}

/// A text as a part of a message.
pub fn text_part(text: impl Into<String>) -> Part {
    Part::Text(TextPart {
        text: text.into(),
        fields: None,
    })
}

/// Sends text to the client.
///
/// # Errors
/// The same as `response.send`: `cancelled` once the client has hung up.
pub async fn say(text: impl Into<String>) -> Outcome {
    response::send(Chunk::Text(text.into())).await
}

/// A GET request for `http::send`.
pub fn get(url: impl Into<String>) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
    }
}

/// The rest of a response's body.
///
/// # Errors
/// The same as `incoming.read`: the body broke off, or is too long or too slow.
pub async fn read_to_end(incoming: &Incoming) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        let piece = incoming.read(u32::MAX).await?;
        if piece.is_empty() {
            return Ok(body);
        }
        body.extend(piece);
    }
}

/// Progress of `done` out of `total` steps.
pub fn progress(done: usize, total: usize) -> Progress {
    Progress {
        done: done as u64,
        total: Some(total as u64),
        message: None,
    }
}

/// An `invalid-input` failure; the message says what to send instead.
pub fn invalid_input(message: impl Into<String>) -> Failure {
    failure(FailureKind::InvalidInput, message)
}

/// A failure without a time to retry after.
pub fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure {
        kind,
        message: message.into(),
        retry_after: None,
        limit: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: Role, text: &str) -> Message {
        Message {
            role,
            ..user_message(text)
        }
    }

    #[test]
    fn the_question_is_the_last_user_message() {
        let messages = [
            message(Role::User, "first"),
            message(Role::User, "last"),
            message(Role::Assistant, "answer"),
        ];
        assert_eq!(question(&messages).unwrap(), "last");
        for messages in [
            &[message(Role::System, "be brief")][..],
            &[message(Role::User, " ")],
            &[],
        ] {
            assert_eq!(
                question(messages).unwrap_err().kind,
                FailureKind::InvalidInput
            );
        }
    }

    #[test]
    fn only_temporary_failures_are_retried() {
        for kind in [
            FailureKind::InvalidInput,
            FailureKind::NotFound,
            FailureKind::Denied,
        ] {
            assert!(
                matches!(failure(kind, "no").into(), JobFailure::Permanent(error) if error == "no"),
                "{kind:?}"
            );
        }
        let busy = Failure {
            kind: FailureKind::Unavailable,
            message: "busy".to_owned(),
            retry_after: Some(5),
            limit: None,
        };
        assert!(
            matches!(busy.into(), JobFailure::Retry(retry) if retry.delay == Some(5) && retry.error == "busy")
        );
    }
}
