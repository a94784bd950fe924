//! One item of a batch: how a model is asked about it, and how it is shown.

use sdk::hayrick::pipeline::llm;
use sdk::hayrick::pipeline::types::{Failure, FailureKind, Message, Options};
use sdk::user_message;

/// Letters of an item in a line that announces it.
const ANNOUNCED_CHARS: usize = 50;
/// Letters of an item in a line that says it is done.
const COMPLETED_CHARS: usize = 30;

/// What a model is asked.
pub fn prompt(item: &str, instruction: &str) -> Message {
    user_message(format!(
        "Process this item: {item}\n\nInstruction: {instruction}"
    ))
}

/// Asks the model about one item. That it failed is a result like another.
///
/// # Errors
/// `cancelled`: nobody waits for the batch any more.
pub async fn process(item: &str, instruction: &str) -> Result<Result<String, Failure>, Failure> {
    match llm::generate(vec![prompt(item, instruction)], Options::default()).await {
        Ok(answer) => Ok(Ok(answer.text)),
        Err(failure) if failure.kind == FailureKind::Cancelled => Err(failure),
        Err(failure) => Ok(Err(failure)),
    }
}

/// An item as the line shows it that announces it.
pub fn announced(item: &str) -> String {
    beginning(item, ANNOUNCED_CHARS)
}

/// The line for an item that is done, and the model's answer below it.
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
    fn an_item_is_cut_between_letters() {
        assert_eq!(announced("short"), "short...");
        assert_eq!(announced(&"ü".repeat(51)), "ü".repeat(50) + "...");
        assert_eq!(
            completed(2, &"🌾".repeat(40), "fine"),
            format!("\n✓ Completed item 2: {}...\nfine", "🌾".repeat(30))
        );
    }
}
