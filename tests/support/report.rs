//! What a person is to read although the test passes: figures, and what was left out.

use std::io::{Write, stdout};

/// Writes past the test harness, which keeps what a passing test prints to itself.
pub fn say(text: &str) {
    // Nobody may be reading; the test is the same.
    let _ = writeln!(stdout(), "{text}");
}
