//! Exports `chat` without `lifecycle`, which every plugin needs.

use exports::hayrick::pipeline::chat::{self, ChatRequest};
use hayrick::pipeline::types::Failure;

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package guests:no-lifecycle;
        world chat-only {
            export hayrick:pipeline/chat@0.1.0;
        }
    ",
    generate_all,
});

struct Guest;

impl chat::Guest for Guest {
    async fn run_chat_completion(_request: ChatRequest) -> Result<(), Failure> {
        Ok(())
    }
}

export!(Guest);
