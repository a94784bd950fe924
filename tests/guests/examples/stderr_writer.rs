//! Prints, as code does that was written for a terminal.

use guests::exports::hayrick::pipeline::chat::ChatRequest;
use guests::{Outcome, send_text};

async fn chat(_request: ChatRequest) -> Outcome {
    eprintln!("a line on stderr");
    println!("a line on stdout");
    send_text("done").await
}

guests::serve!(chat);
