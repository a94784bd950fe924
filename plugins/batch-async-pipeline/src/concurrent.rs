//! Processes a batch five items at a time and sends each answer as soon as it is ready.

use futures_util::{StreamExt, stream};
use sdk::hayrick::pipeline::tasks;
use sdk::hayrick::pipeline::types::Failure;
use sdk::{Outcome, progress, say};

use crate::batch::Batch;
use crate::item;

/// Maximum number of items that wait for a model at the same time.
const CONCURRENT_MAX: usize = 5;

/// Sends the answers in the order in which they arrive, then a summary.
///
/// # Errors
/// The client hung up, or the answer is too long. Items that fail are listed in the summary.
pub async fn process(batch: Batch) -> Outcome {
    let total = batch.items.len();
    say(format!("Starting batch processing of {total} items...\n")).await?;
    tasks::report(&progress(0, total));

    let work = batch.items.iter().enumerate().map(async |(index, item)| {
        say(format!(
            "\nProcessing item {}/{total}: {}",
            index + 1,
            item::announced(item)
        ))
        .await?;
        Ok::<_, Failure>((index, item, item::process(item, &batch.instruction).await?))
    });
    let mut work = stream::iter(work).buffer_unordered(CONCURRENT_MAX);

    let mut done = 0;
    let mut failed = Vec::new();
    while let Some(processed) = work.next().await {
        let (index, item, answer) = processed?;
        done += 1;
        tasks::report(&progress(done, total));
        match answer {
            Ok(answer) => say(item::completed(index + 1, item, &answer)).await?,
            Err(failure) => failed.push((index, item, failure)),
        }
    }
    failed.sort_by_key(|(index, ..)| *index);
    summarize(total, &failed).await
}

async fn summarize(total: usize, failed: &[(usize, &String, Failure)]) -> Outcome {
    say("\n\nBatch processing completed:").await?;
    say(format!(
        "\n✓ Successfully processed: {} items",
        total - failed.len()
    ))
    .await?;
    say(format!("\n✗ Failed: {} items", failed.len())).await?;
    if !failed.is_empty() {
        say("\n\nFailed items:").await?;
    }
    for (_, item, failure) in failed {
        say(format!("\n- {item}: {}", failure.message)).await?;
    }
    Ok(())
}
