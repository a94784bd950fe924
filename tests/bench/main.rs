//! The cost of the sandbox: Hayrick's echo plugin compared with a native handler that does the same
//! work, in one run on one machine.
//!
//! `cargo bench` runs it. Each server has its own process, and one load generator measures both.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints, and gives up loudly"
)]

mod load;
mod native;
mod server;

use std::time::Duration;

use crate::load::{Point, measure};
use crate::server::Server;

const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Words of the streamed echo; the guest sends each as a chunk.
const WORDS: usize = 100;

/// How long to measure a point.
#[derive(Clone, Copy)]
pub struct Span {
    pub warm_up: Duration,
    pub measured: Duration,
}

const SPAN: Span = Span {
    warm_up: Duration::from_millis(500),
    measured: Duration::from_secs(2),
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if arguments
        .iter()
        .any(|argument| argument == native::ARGUMENT)
    {
        runtime.block_on(native::serve());
    } else if arguments.iter().any(|argument| argument == "--bench") {
        runtime.block_on(compare());
    } else {
        println!("nothing is measured in a build for tests: run `cargo bench`");
    }
}

async fn compare() {
    let native = Server::native().await;
    let hayrick = Server::hayrick().await;
    println!(
        "{} processors; {} s a point",
        std::thread::available_parallelism().unwrap(),
        SPAN.measured.as_secs()
    );
    println!("\nwhole answers, a fresh sandbox each");
    println!(
        "{:>11}  {:>31}  {:>31}  {:>6}",
        "connections", "native req/s  p50  p99 (µs)", "hayrick req/s  p50  p99 (µs)", "ratio"
    );
    for connections in CONNECTIONS {
        let body = r#"{"model": "echo-relay", "messages": [{"role": "user", "content": "echo:Hello, world!"}]}"#;
        let (base, ours) = both(&native, &hayrick, connections, body).await;
        print_row(connections, &base, &ours, Point::requests_per_second);
    }
    println!("\nstreamed answers of {WORDS} chunks");
    println!(
        "{:>11}  {:>31}  {:>31}  {:>6}",
        "connections", "native chunks/s  p50  p99 (µs)", "hayrick chunks/s  p50  p99 (µs)", "ratio"
    );
    for connections in CONNECTIONS {
        let text = "word ".repeat(WORDS);
        let content = format!("echo:{}", text.trim_end());
        let body = format!(
            r#"{{"model": "echo-relay", "stream": true, "messages": [{{"role": "user", "content": "{content}"}}]}}"#
        );
        let (base, ours) = both(&native, &hayrick, connections, &body).await;
        print_row(connections, &base, &ours, Point::chunks_per_second);
    }
}

/// Applies the same load to the servers in turn, because together they would share the processors.
async fn both(native: &Server, hayrick: &Server, connections: usize, body: &str) -> (Point, Point) {
    let base = measure(&native.address, connections, body, SPAN).await;
    let ours = measure(&hayrick.address, connections, body, SPAN).await;
    (base, ours)
}

fn print_row(connections: usize, base: &Point, ours: &Point, rate: impl Fn(&Point) -> f64) {
    let cell = |point: &Point| {
        format!(
            "{:>12.0} {:>8} {:>8}",
            rate(point),
            point.percentile(50),
            point.percentile(99)
        )
    };
    println!(
        "{connections:>11}  {:>31}  {:>31}  {:>6.2}",
        cell(base),
        cell(ours),
        rate(ours) / rate(base)
    );
}
