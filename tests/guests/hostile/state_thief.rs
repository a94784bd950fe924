//! Looks for another plugin's state under every spelling of its keys.

use hostile::{Report, shown};
use sdk::hayrick::pipeline::state;
use sdk::hayrick::pipeline::types::Failure;
use sdk::{ChatRequest, Outcome};

const KEYS: [&str; 16] = [
    "key",
    "victim/key",
    "../victim/key",
    "/victim/key",
    "hostile-victim/key",
    "hostile-victim\u{0}key",
    "hostile-victim:key",
    "\u{0}",
    "a\u{0}b",
    "a",
    "caf\u{e9}",
    "cafe\u{301}",
    "KEY",
    "key ",
    "%",
    "' OR '1'='1",
];

async fn chat(_request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    for key in KEYS {
        let found = state::get(key.to_owned())
            .await
            .and_then(|entry| entry.ok_or_else(nothing));
        report.must_fail("get", found.map_err(shown), |entry| {
            format!("{:?}", entry.value)
        });
    }
    for prefix in ["", "%", "_", "..", "\u{0}", "victim", "\u{10ffff}"] {
        let keys = state::list(prefix.to_owned(), None, u32::MAX)
            .await
            .unwrap_or_default();
        report.must_be_empty("list", &keys);
    }
    let taken = state::compare_and_set("key".to_owned(), Some(1), vec![0], None)
        .await
        .and_then(|set| set.ok_or_else(nothing));
    report.must_fail("compare-and-set", taken.map_err(shown), |_| String::new());
    let deleted = state::delete("victim/key".to_owned())
        .await
        .and_then(|was| was.then_some(()).ok_or_else(nothing));
    report.must_fail("delete", deleted.map_err(shown), |()| String::new());
    report.send().await
}

fn nothing() -> Failure {
    sdk::invalid_input("nothing there")
}

sdk::serve!(chat: chat);
