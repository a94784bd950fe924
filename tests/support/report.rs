//! Output for people even if the test passes: figures, and what was skipped.

use std::io::{Write, stdout};

/// Bypasses the test harness, which hides the output of passing tests.
pub fn say(text: &str) {
    // If nobody reads the output, the test does not care.
    let _ = writeln!(stdout(), "{text}");
}
