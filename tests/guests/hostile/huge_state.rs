//! Passes a key, value, prefix or lifetime far out of range to its state.

use hostile::{Report, client_text, huge, huge_bytes, shown};
use sdk::hayrick::pipeline::state;
use sdk::{ChatRequest, Outcome};

async fn chat(request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    match client_text(&request).as_str() {
        "key" => report.must_fail(
            "set",
            state::set(huge(), vec![1], None).await.map_err(shown),
            |_| String::new(),
        ),
        "prefix" => {
            let keys = state::list(huge(), Some(huge()), u32::MAX).await;
            report.tried(
                "list",
                keys.map(|keys| keys.len().to_string()).map_err(shown),
            );
        }
        "get" => report.tried(
            "get",
            state::get(huge())
                .await
                .map(|entry| format!("{}", entry.is_some()))
                .map_err(shown),
        ),
        "ttl" => {
            let set = state::set("forever".to_owned(), vec![1], Some(u64::MAX)).await;
            report.tried("set", set.map(|_| "kept".to_owned()).map_err(shown));
            let set =
                state::compare_and_set("never".to_owned(), Some(u64::MAX), vec![1], Some(0)).await;
            report.tried(
                "compare-and-set",
                set.map(|set| format!("{set:?}")).map_err(shown),
            );
        }
        _ => report.must_fail(
            "set",
            state::set("k".to_owned(), huge_bytes(), None)
                .await
                .map_err(shown),
            |_| String::new(),
        ),
    }
    report.send().await
}

sdk::serve!(chat: chat);
