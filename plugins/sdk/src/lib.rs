//! The contract for plugins in Rust: its bindings, `serve!`, and the few words that most pipelines
//! need.

pub mod worlds;

use hayrick::pipeline::http::{Incoming, Request};
use hayrick::pipeline::response;
use hayrick::pipeline::types::{Chunk, Failure, FailureKind, Message, Part, Progress, Role};

wit_bindgen::generate!({
    path: "../../wit",
    world: "online",
    additional_type_attributes: {
        "hayrick:pipeline/types@0.1.0/options": [#[derive(Default)]],
        "hayrick:pipeline/types@0.1.0/submit-options": [#[derive(Default)]],
    },
    generate_all,
});

/// What a client asked of a chat.
pub type ChatRequest = worlds::chat::exports::hayrick::pipeline::chat::ChatRequest;
/// What a client sent with a form.
pub type FilesRequest = worlds::files::exports::hayrick::pipeline::files::FilesRequest;
/// One attempt at a job.
pub type Attempt = worlds::job::exports::hayrick::pipeline::job_handler::Attempt;
/// How an attempt fails.
pub type JobFailure = worlds::job::exports::hayrick::pipeline::job_handler::JobFailure;
/// What an attempt is told that may be made again.
pub type Retry = worlds::job::exports::hayrick::pipeline::job_handler::Retry;
/// How a run or a `setup` ends.
pub type Outcome = Result<(), Failure>;
/// How an attempt at a job ends; its result is a JSON document.
pub type JobOutcome = Result<String, JobFailure>;

/// Makes functions the exports of a plugin, and so its routes: any of `chat`, `files` and `job`,
/// with a `setup` before them if there is something to set up.
///
/// ```text
/// sdk::serve!(setup: prepare, chat: answer, files: read, job: work);
///
/// async fn prepare() -> Outcome
/// async fn answer(request: ChatRequest) -> Outcome
/// async fn read(request: FilesRequest) -> Outcome
/// async fn work(attempt: Attempt) -> JobOutcome
/// ```
#[macro_export]
macro_rules! serve {
    (@chat $function:path) => {
        impl $crate::worlds::chat::exports::hayrick::pipeline::chat::Guest for Plugin {
            async fn run_chat_completion(request: $crate::ChatRequest) -> $crate::Outcome {
                $function(request).await
            }
        }
        $crate::worlds::chat::export!(Plugin with_types_in $crate::worlds::chat);
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

/// A setup with nothing to set up.
///
/// # Errors
/// Never.
pub async fn ready() -> Outcome {
    Ok(())
}

impl From<Failure> for JobFailure {
    /// What was asked wrongly stays wrong; anything else may pass, and is worth another attempt.
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

/// The text of the last message that the user sent.
///
/// # Errors
/// `invalid-input` if there is none.
pub fn question(messages: &[Message]) -> Result<String, Failure> {
    let message = messages.iter().rfind(|message| message.role == Role::User);
    let parts = message.into_iter().flat_map(|message| &message.content);
    let texts = parts.filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let text = texts.collect::<String>();
    if text.trim().is_empty() {
        return Err(invalid_input(
            "messages has no text from the user: add {\"role\": \"user\", \"content\": \"your question\"}",
        ));
    }
    Ok(text)
}

/// A prompt for a model.
pub fn user_message(text: impl Into<String>) -> Message {
    Message {
        role: Role::User,
        content: vec![Part::Text(text.into())],
        name: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}

/// Sends text to the client.
///
/// # Errors
/// As `response.send`: `cancelled` once the client has hung up.
pub async fn say(text: impl Into<String>) -> Outcome {
    response::send(Chunk::Text(text.into())).await
}

/// A GET for `http::send`.
pub fn get(url: impl Into<String>) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
    }
}

/// All that is left of an answer's body.
///
/// # Errors
/// As `incoming.read`: the body broke off, or is too long or too slow.
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

/// How far a run is whose steps are counted.
pub fn progress(done: usize, total: usize) -> Progress {
    Progress {
        done: done as u64,
        total: Some(total as u64),
        message: None,
    }
}

/// A failure that tells the client what to send instead.
pub fn invalid_input(message: impl Into<String>) -> Failure {
    failure(FailureKind::InvalidInput, message)
}

/// A failure that says nothing of when to try again.
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
    fn the_question_is_what_the_user_said_last() {
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
    fn only_what_may_pass_is_worth_another_attempt() {
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
