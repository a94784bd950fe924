//! The contract's bindings for every guest, and the words the guests are written in.

use exports::hayrick::pipeline::chat::ChatRequest;
use hayrick::pipeline::response;
use hayrick::pipeline::types::{Chunk, Failure, FailureKind, Part, Role};

wit_bindgen::generate!({
    path: "../../wit",
    world: "wrapper",
    pub_export_macro: true,
    additional_type_attributes: { "hayrick:pipeline/types@0.1.0/options": [#[derive(Default)]] },
});

/// How a run or a `setup` ends.
pub type Outcome = Result<(), Failure>;

/// Exports `$chat` as the chat of this component, and `$setup` as its setup, which else does nothing.
#[macro_export]
macro_rules! serve {
    ($chat:path) => {
        $crate::serve!($chat, $crate::ready);
    };
    ($chat:path, $setup:path) => {
        struct Guest;

        impl $crate::exports::hayrick::pipeline::lifecycle::Guest for Guest {
            async fn setup() -> $crate::Outcome {
                $setup().await
            }
        }

        impl $crate::exports::hayrick::pipeline::chat::Guest for Guest {
            async fn run_chat_completion(request: $crate::exports::hayrick::pipeline::chat::ChatRequest) -> $crate::Outcome {
                $chat(request).await
            }
        }

        $crate::export!(Guest with_types_in $crate);
    };
}

/// A setup with nothing to set up.
pub async fn ready() -> Outcome {
    Ok(())
}

/// A chat with nothing to say, for guests whose point is their setup.
pub async fn silent(_request: ChatRequest) -> Outcome {
    Ok(())
}

/// The text of the last message that the user sent; empty if there is none.
pub fn last_user_text(request: &ChatRequest) -> String {
    let message = request.messages.iter().rfind(|message| message.role == Role::User);
    let parts = message.into_iter().flat_map(|message| &message.content);
    let texts = parts.filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Sends one chunk of text.
pub async fn send_text(text: impl Into<String>) -> Outcome {
    response::send(Chunk::Text(text.into())).await
}

/// A failure without a time to try again.
pub fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), retry_after: None }
}
