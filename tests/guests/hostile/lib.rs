//! What the hostile guests have in common: their reports, and values too large for
//! anything.

use std::fmt::Display;

use sdk::hayrick::pipeline::types::Failure;
use sdk::{ChatRequest, Outcome, question, say};

/// What an attack got out of what it tried, a line each. `IN REACH` in a line says that the attack
/// succeeded.
#[derive(Default)]
pub struct Report(Vec<String>);

impl Report {
    /// An attempt that must fail: its success is what the line complains of.
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

    /// An attempt that may work, as long as it does what it says and no more.
    pub fn tried<E: Display>(&mut self, attempt: &str, outcome: Result<String, E>) {
        self.0.push(match outcome {
            Ok(done) => format!("{attempt}: done: {}", cut(&done)),
            Err(error) => format!("{attempt}: denied: {}", cut(&error.to_string())),
        });
    }

    /// An attempt that is denied when it finds nothing.
    pub fn must_be_empty(&mut self, attempt: &str, found: &[String]) {
        let outcome = if found.is_empty() {
            Err("nothing there")
        } else {
            Ok(found)
        };
        self.must_fail(attempt, outcome, |found| format!("{found:?}"));
    }

    /// Sends all lines to the client.
    ///
    /// # Errors
    /// As `say`.
    pub async fn send(self) -> Outcome {
        say(self.0.join("\n")).await
    }
}

/// A failure of the host, for `Report`.
pub fn shown(failure: Failure) -> String {
    format!("{:?}: {}", failure.kind, failure.message)
}

fn cut(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control())
        .take(300)
        .collect()
}

/// The largest text that fits into the guest's memory beside the copy its bindings may make.
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

/// JSON in JSON in JSON.
pub fn deep_json(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

/// What the client asked for, or nothing.
pub fn asked(request: &ChatRequest) -> String {
    question(&request.messages).unwrap_or_default()
}

/// Text that tries to be a line, a frame, a header or a command to a terminal.
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
