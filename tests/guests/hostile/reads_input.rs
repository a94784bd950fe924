//! Reads stdin, and tries files that it was never given.

use std::io::Read;

use hostile::Report;
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    let mut report = Report::default();
    let mut text = String::new();
    let read = std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| error.to_string());
    report.must_fail(
        "input",
        read.and_then(|bytes| {
            if bytes == 0 {
                Err("nothing".to_owned())
            } else {
                Ok(text)
            }
        }),
        |text| text,
    );
    for path in [
        "/etc/passwd",
        "../../../../etc/passwd",
        "/proc/self/environ",
        "/dev/stdin",
        ".hayrick/hayrick.db",
        "hayrick.toml",
        ".",
    ] {
        report.must_fail("file", std::fs::read(path), |bytes| {
            format!("{} bytes", bytes.len())
        });
        report.must_fail("write", std::fs::write(path, "x"), |()| String::new());
        report.must_fail("link", std::fs::hard_link(path, "link"), |()| String::new());
    }
    report.send().await
}

sdk::serve!(chat: chat);
