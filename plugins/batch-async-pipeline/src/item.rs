//! One item of a batch: its prompt, and how it is shown to the client.

use sdk::hayrick::pipeline::llm;
use sdk::hayrick::pipeline::types::{Failure, FailureKind, Message, Options};
use sdk::user_message;

/// Characters of an item in the line that announces it.
const ANNOUNCED_CHARS: usize = 50;
/// Characters of an item in the line that reports it as completed.
const COMPLETED_CHARS: usize = 30;

/// The prompt for one item.
pub fn prompt(item: &str, instruction: &str) -> Message {
    user_message(format!(
        "Process this item: {item}\n\nInstruction: {instruction}"
    ))
}

/// Asks the model about one item. A failed item is a result, not an error.
///
/// # Errors
/// `cancelled` if nobody is waiting for the batch any more.
pub async fn process(item: &str, instruction: &str) -> Result<Result<String, Failure>, Failure> {
    match llm::generate(vec![prompt(item, instruction)], Options::default()).await {
        Ok(answer) => Ok(Ok(answer.text)),
        Err(failure) if failure.kind == FailureKind::Cancelled => Err(failure),
        Err(failure) => Ok(Err(failure)),
    }
}

/// The item as shown in the line that announces it.
pub fn announced(item: &str) -> String {
    beginning(item, ANNOUNCED_CHARS)
}

/// The line for a completed item, followed by the model's answer.
pub fn completed(number: usize, item: &str, answer: &str) -> String {
    format!(
        "\n✓ Completed item {number}: {}\n{answer}",
        beginning(item, COMPLETED_CHARS)
    )
}

fn beginning(text: &str, chars: usize) -> String {
    text.chars().take(chars).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_truncated_at_char_boundaries() {
        assert_eq!(announced("short"), "short...");
        assert_eq!(announced(&"ü".repeat(51)), "ü".repeat(50) + "...");
        assert_eq!(
            completed(2, &"🌾".repeat(40), "fine"),
            format!("\n✓ Completed item 2: {}...\nfine", "🌾".repeat(30))
        );
    }
}
