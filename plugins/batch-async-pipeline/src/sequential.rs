//! Processes the items of a batch one by one.

use sdk::hayrick::pipeline::tasks;
use sdk::{Outcome, progress, say};

use crate::batch::Batch;
use crate::item;

/// Sends each item's lines, then a summary.
///
/// # Errors
/// The client hung up, or the answer is too long. Items that fail are counted in the summary.
pub async fn process(batch: Batch) -> Outcome {
    let total = batch.items.len();
    say(format!("Starting batch processing of {total} items...\n")).await?;
    tasks::report(&progress(0, total));

    let mut successful = 0;
    for (number, item) in (1..).zip(&batch.items) {
        say(format!(
            "\n[{number}/{total}] Processing: {}",
            item::announced(item)
        ))
        .await?;
        match item::process(item, &batch.instruction).await? {
            Ok(answer) => {
                successful += 1;
                say(item::completed(number, item, &answer)).await?;
            }
            Err(failure) => say(format!("\n✗ Failed item {number}: {}", failure.message)).await?,
        }
        tasks::report(&progress(number, total));
    }
    summarize(successful, total).await
}

async fn summarize(successful: usize, total: usize) -> Outcome {
    say("\n\nBatch processing completed!").await?;
    say(format!("\nTotal items: {total}")).await?;
    say(format!("\nSuccessful: {successful}")).await?;
    say(format!("\nFailed: {}", total - successful)).await?;
    say(format!(
        "\nSuccess rate: {}",
        success_rate(successful, total)
    ))
    .await
}

/// The share of successful items in percent, or `n/a` for an empty batch.
fn success_rate(successful: usize, total: usize) -> String {
    if total == 0 {
        return "n/a".to_owned();
    }
    format!("{:.1}%", successful as f64 / total as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_success_rate_has_one_decimal_and_is_n_a_for_an_empty_batch() {
        assert_eq!(success_rate(2, 3), "66.7%");
        assert_eq!(success_rate(3, 3), "100.0%");
        assert_eq!(success_rate(0, 0), "n/a");
    }
}
