//! Logs and prints lines that imitate other log lines.

use std::io::Write;

use hostile::{FORGERIES, Report};
use sdk::hayrick::pipeline::types::Level;
use sdk::hayrick::pipeline::{log, tasks};
use sdk::{ChatRequest, Outcome};

async fn chat(_request: ChatRequest) -> Outcome {
    for text in FORGERIES {
        log::write(Level::Info, text);
        tasks::note(text);
        eprintln!("{text}");
        print!("{text}");
    }
    // Bytes that are not text.
    let _ = std::io::stdout().write_all(&[0xff, 0xfe, 0xc0, 0x80, b'\r', b'\n']);
    let mut report = Report::default();
    report.tried("log", Ok::<_, String>("written".to_owned()));
    report.send().await
}

sdk::serve!(chat: chat);
