//! Prints to stdout and stderr, like code written for a terminal.

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    eprintln!("a line on stderr");
    println!("a line on stdout");
    say("done").await
}

sdk::serve!(chat: chat);
