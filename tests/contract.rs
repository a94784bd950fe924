//! The same guest in three languages passes the same cases: the contract works for all of them.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::support::client::chat_body;
use crate::support::guest::{guest, optional_guest};
use crate::support::host::TestHost;
use crate::support::report::say;

/// The cost of a language.
struct Cost {
    pipeline: &'static str,
    size_bytes: u64,
    deploy_ms: u64,
    first_token: Duration,
}

fn guests() -> Vec<(&'static str, PathBuf)> {
    let rust = Some(("echo-relay", guest("echo-relay")));
    let python = optional_guest("echo-relay-python", "python3 with venv")
        .map(|path| ("echo-relay-python", path));
    let javascript = optional_guest("echo-relay-javascript", "node and npm")
        .map(|path| ("echo-relay-javascript", path));
    [rust, python, javascript].into_iter().flatten().collect()
}

#[tokio::test]
async fn every_language_passes_the_same_cases() {
    let guests = guests();
    // Its own cache: the table shows the cost of the first deploy.
    let builder = TestHost::builder().cold().alone();
    let host = guests
        .iter()
        .fold(builder, |builder, (name, path)| {
            builder.file(path.clone(), name)
        })
        .start()
        .await;
    let mut costs = Vec::new();
    for (pipeline, _) in &guests {
        costs.push(cost(&host, pipeline).await);
        echoes(&host, pipeline).await;
        relays(&host, pipeline).await;
        fails(&host, pipeline).await;
        gathers(&host, pipeline).await;
    }
    print_table(&costs);
}

async fn cost(host: &TestHost, pipeline: &'static str) -> Cost {
    let status = host.client.status(pipeline).await.unwrap();
    assert_eq!(status["state"], "ready", "{status}");
    let version = &status["version"];
    let deploy_ms = version["compile_ms"].as_u64().unwrap() + version["setup_ms"].as_u64().unwrap();
    // The first run pays for pages and connections once; users experience the second.
    host.client.chat(pipeline, "echo:warm").await;
    let asked = host.stopwatch();
    let mut stream = host.client.stream(pipeline, "echo:x").await;
    stream.next_text().await;
    let first_token = asked.elapsed();
    stream.rest().await;
    Cost {
        pipeline,
        size_bytes: version["size_bytes"].as_u64().unwrap(),
        deploy_ms,
        first_token,
    }
}

async fn echoes(host: &TestHost, pipeline: &str) {
    for text in [
        "hello",
        "ünïcode \u{1f33e}",
        "two\nlines \"quoted\"",
        &"long ".repeat(10_000),
    ] {
        let asked = format!("echo:{text}");
        assert_eq!(
            host.client.chat(pipeline, &asked).await.text(),
            text,
            "{pipeline}"
        );
        assert_eq!(
            host.client.stream(pipeline, &asked).await.rest_text().await,
            text,
            "{pipeline}"
        );
    }
    let mut body = chat_body(pipeline, "body:");
    body["unknown_field"] = Value::from(vec![1, 2]);
    let seen: Value = serde_json::from_str(&host.client.chat_with(&body).await.text()).unwrap();
    assert_eq!(seen, body, "{pipeline}");
}

async fn relays(host: &TestHost, pipeline: &str) {
    for way in ["relay", "forward"] {
        let text = host
            .client
            .chat(pipeline, &format!("{way}:the question"))
            .await
            .text();
        assert!(
            text.contains("built-in model") && text.contains("the question"),
            "{pipeline}: {text}"
        );
        let mut stream = host
            .client
            .stream(pipeline, &format!("{way}:the question"))
            .await;
        assert_eq!(stream.rest_text().await, text, "{pipeline}");
    }
}

async fn fails(host: &TestHost, pipeline: &str) {
    for (kind, status) in [("invalid-input", 400), ("denied", 403), ("failed", 500)] {
        let reply = host
            .client
            .chat(pipeline, &format!("fail:{kind}:it was me"))
            .await;
        assert_eq!(reply.status, status, "{pipeline}: {}", reply.body);
        assert!(
            reply.error().contains("it was me"),
            "{pipeline}: {}",
            reply.body
        );
    }
}

/// Several generations in one run; a sync language makes them in sequence.
async fn gathers(host: &TestHost, pipeline: &str) {
    let text = host
        .client
        .chat(pipeline, "gather:red|green|blue")
        .await
        .text();
    for word in ["red", "green", "blue"] {
        assert!(text.contains(word), "{pipeline}: {text}");
    }
}

fn print_table(costs: &[Cost]) {
    say(&format!(
        "{:<24}{:>12}{:>18}{:>18}",
        "guest", "size", "cold deploy", "first token"
    ));
    for cost in costs {
        let kibibytes = cost.size_bytes >> 10;
        let millis = cost.first_token.as_secs_f64() * 1000.0;
        say(&format!(
            "{:<24}{kibibytes:>8} KiB{:>15} ms{millis:>15.2} ms",
            cost.pipeline, cost.deploy_ms
        ));
    }
}
