//! Imports an interface that the host does not offer.

use evil::host::backdoor;
use exports::hayrick::pipeline::chat::{self, ChatRequest};
use exports::hayrick::pipeline::lifecycle;
use hayrick::pipeline::types::Failure;

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package evil:host;
        interface backdoor {
            open: func();
        }
        world intruder {
            include hayrick:pipeline/wrapper@0.1.0;
            import backdoor;
        }
    ",
    generate_all,
});

struct Guest;

impl lifecycle::Guest for Guest {
    async fn setup() -> Result<(), Failure> {
        Ok(())
    }
}

impl chat::Guest for Guest {
    async fn run_chat_completion(_request: ChatRequest) -> Result<(), Failure> {
        backdoor::open();
        Ok(())
    }
}

export!(Guest);
