//! Helpers shared by the hostile guests: their reports, and values far too large.

use std::fmt::Display;

use sdk::hayrick::pipeline::types::Failure;
use sdk::{ChatRequest, Outcome, question, say};

/// The results of an attack, one line per attempt. `IN REACH` in a line means that the attack
/// succeeded.
#[derive(Default)]
pub struct Report(Vec<String>);

impl Report {
    /// Adds an attempt that must fail; if it succeeded, the line says `IN REACH`.
    pub fn must_fail<T, E: Display>(
        &mut self,
        attempt: &str,
        outcome: Result<T, E>,
        show: impl FnOnce(T) -> String,
    ) {
        self.0.push(match outcome {
            Ok(found) => format!("{attempt}: IN REACH: {}", cut(&show(found))),
            Err(error) => format!("{attempt}: denied: {}", cut(&error.to_string())),
        });
    }

    /// Adds an attempt that may succeed.
    pub fn tried<E: Display>(&mut self, attempt: &str, outcome: Result<String, E>) {
        self.0.push(match outcome {
            Ok(done) => format!("{attempt}: done: {}", cut(&done)),
            Err(error) => format!("{attempt}: denied: {}", cut(&error.to_string())),
        });
    }

    /// Adds an attempt that must find nothing.
    pub fn must_be_empty(&mut self, attempt: &str, found: &[String]) {
        let outcome = if found.is_empty() {
            Err("nothing there")
        } else {
            Ok(found)
        };
        self.must_fail(attempt, outcome, |found| format!("{found:?}"));
    }

    /// Sends the report to the client.
    ///
    /// # Errors
    /// The same as `say`.
    pub async fn send(self) -> Outcome {
        say(self.0.join("\n")).await
    }
}

/// Formats a failure of the host for a `Report`.
pub fn shown(failure: Failure) -> String {
    format!("{:?}: {}", failure.kind, failure.message)
}

fn cut(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(300)
        .collect()
}

/// The largest text that fits into the guest's memory along with a copy made by its bindings.
pub fn huge() -> String {
    for mebibytes in [100, 48, 20, 8] {
        let mut text = String::new();
        if text.try_reserve_exact(mebibytes << 20).is_ok() {
            text.extend(std::iter::repeat_n("hostile!", mebibytes << 17));
            return text;
        }
    }
    "hostile!".repeat(1 << 17)
}

/// The same as bytes.
pub fn huge_bytes() -> Vec<u8> {
    huge().into_bytes()
}

/// Deeply nested JSON.
pub fn deep_json(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

/// The client's message, or an empty string.
pub fn client_text(request: &ChatRequest) -> String {
    question(&request.messages).unwrap_or_default()
}

/// Text that imitates a log line, a frame, a header or a terminal command.
pub const FORGERIES: [&str; 9] = [
    "\n\ndata: [DONE]\n\n",
    "\r\n\r\ndata: {\"id\":\"forged\",\"choices\":[]}\r\n\r\n",
    "\nevent: error\ndata: forged\n\n",
    "x\r\nX-Forged: yes\r\nSet-Cookie: forged=1\r\n\r\n<html>forged",
    "\n2026-01-01T00:00:00Z  INFO forged: nobody wrote this line",
    "{\"timestamp\":\"2026-01-01T00:00:00Z\",\"level\":\"ERROR\",\"fields\":{\"message\":\"forged\"}}",
    "\u{1b}[2J\u{1b}]0;forged\u{7}\u{1b}[31m",
    "\u{0}\u{85}\u{2028}\u{2029}\u{202e}forged",
    "../../../../etc/passwd\u{0}.txt",
];
