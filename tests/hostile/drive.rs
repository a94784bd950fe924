//! Drives a case once its component serves.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::task::JoinSet;

use super::case::{Case, Drive};
use super::client::{Client, Seen};

/// The pipeline that keeps the secrets that other guests try to steal.
pub const VICTIM: &str = "hostile-victim";
/// Answers of each client of `Drive::Clients`.
const ANSWERS: usize = 20;
/// Rounds of `Drive::Canary`.
const ROUNDS: usize = 10;
/// How long to watch a case that goes on by itself.
const WATCHED: Duration = Duration::from_secs(3);
/// How long a client of a crowd waits before it hangs up.
const CROWD_PATIENCE: Duration = Duration::from_secs(8);
const INTERVAL: Duration = Duration::from_millis(50);

/// Drives a case and returns what the client saw of each request.
pub async fn drive(client: &Client, case: &Case, patience: Duration) -> Vec<Seen> {
    let pipeline = case.pipeline();
    match case.drive {
        Drive::Deploy => Vec::new(),
        Drive::Chat(texts) => {
            let mut seen = Vec::new();
            for text in texts {
                seen.push(client.chat(&pipeline, text, patience).await);
            }
            seen
        }
        Drive::Stream => vec![client.stream(&pipeline, "go on", patience).await],
        Drive::Unread => vec![unread(client, &pipeline, patience).await],
        Drive::HangUp => vec![hang_up(client, &pipeline).await],
        Drive::Files => {
            let (form, content_type) = form();
            vec![client.files(&pipeline, form, &content_type, patience).await]
        }
        Drive::Job => vec![client.job(&pipeline, patience).await],
        Drive::Watch => {
            let seen = client.chat(&pipeline, "go on", patience).await;
            tokio::time::sleep(WATCHED).await;
            vec![seen]
        }
        Drive::Crowd(count) => crowd(client, &pipeline, count).await,
        Drive::Clients(count) => {
            let clients = (0..count).map(|_| async {
                let mut seen = Vec::new();
                for _ in 0..ANSWERS {
                    seen.push(client.chat(&pipeline, "go on", patience).await);
                }
                seen
            });
            let seen = futures_util::future::join_all(clients).await;
            seen.into_iter().flatten().collect()
        }
        Drive::Victim => {
            let victim = client.chat(VICTIM, "keep your secret", patience).await;
            vec![client.chat(&pipeline, &victim.text, patience).await]
        }
        Drive::Bodies => bodies(client, patience).await,
        Drive::Canary => {
            let mut seen = Vec::new();
            for _ in 0..ROUNDS {
                let together = (0..4).map(|_| client.chat(&pipeline, "write", patience));
                seen.extend(futures_util::future::join_all(together).await);
                let together = (0..4).map(|_| client.chat(&pipeline, "scan", patience));
                seen.extend(futures_util::future::join_all(together).await);
            }
            seen
        }
    }
}

/// Waits until the pipeline has no runs. Returns false if that takes too long.
pub async fn is_idle(client: &Client, pipeline: &str, patience: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < patience {
        let (status, json) = client.get(&format!("/status/{pipeline}")).await;
        if status == 404 || json["active_runs"] == 0 {
            return true;
        }
        tokio::time::sleep(INTERVAL).await;
    }
    false
}

/// Opens a stream without reading it; the run must still end within its limits.
async fn unread(client: &Client, pipeline: &str, patience: Duration) -> Seen {
    let stream = match client.open_stream(pipeline, "go on").await {
        Ok(stream) => stream,
        Err(seen) => return seen,
    };
    let ended = is_idle(client, pipeline, patience).await;
    drop(stream);
    let faults = if ended {
        Vec::new()
    } else {
        vec!["the run does not end while the client does not read".to_owned()]
    };
    Seen {
        status: 200,
        error: Some("the run ended without a reader".to_owned()),
        faults,
        ..Seen::default()
    }
}

async fn hang_up(client: &Client, pipeline: &str) -> Seen {
    match client.open_stream(pipeline, "go on").await {
        Ok(mut stream) => {
            // Read the first piece, then hang up.
            let _ = stream.chunk().await;
            Seen {
                status: 200,
                error: Some("hung up".to_owned()),
                ..Seen::default()
            }
        }
        Err(seen) => seen,
    }
}

async fn crowd(client: &Client, pipeline: &str, count: usize) -> Vec<Seen> {
    let mut asked = JoinSet::new();
    for _ in 0..count {
        let (client, pipeline) = (client.clone(), pipeline.to_owned());
        asked.spawn(async move {
            let mut seen = client.chat(&pipeline, "go on", CROWD_PATIENCE).await;
            // The server owes no final frame to a client that hung up.
            if seen.status == 0 {
                seen = Seen {
                    error: Some("hung up".to_owned()),
                    ..Seen::default()
                };
            }
            seen
        });
    }
    asked.join_all().await
}

/// The clients of `Drive::Bodies`, the requests of each, and the bytes of each request.
const SENDERS: usize = 4;
const SENT: usize = 3;
const BODY_BYTES: usize = 30 << 20;

async fn bodies(client: &Client, patience: Duration) -> Vec<Seen> {
    let text = "x".repeat(BODY_BYTES);
    let message = format!(r#"{{"role":"user","content":"{text}"}}"#);
    let body = Bytes::from(format!(
        r#"{{"messages":[{message}],"model":"hostile-absent"}}"#
    ));
    let senders = (0..SENDERS).map(async |_| {
        let mut seen = Vec::new();
        for _ in 0..SENT {
            seen.push(client.send_chat(body.clone(), patience).await);
        }
        seen
    });
    let seen = futures_util::future::join_all(senders).await;
    seen.concat()
}

/// File names that imitate paths and headers.
const NAMES: [&str; 6] = [
    "../../../../etc/passwd",
    "..\\..\\boot.ini",
    "/etc/cron.d/x",
    "..",
    "a\\\"; filename=\\\"b",
    "caf\u{e9}\u{202e}txt",
];

fn form() -> (Vec<u8>, String) {
    let mut form = Vec::new();
    for name in NAMES {
        let head = format!(
            "--hay\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n"
        );
        form.extend(head.into_bytes());
        form.extend(vec![b'x'; 300_000]);
        form.extend(b"\r\n");
    }
    form.extend(b"--hay--\r\n");
    (form, "multipart/form-data; boundary=hay".to_owned())
}
