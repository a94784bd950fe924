//! The whole of Hayrick in a process of its own, with jobs that do nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::await_event::eventually;
use crate::support::host::TestHost;

/// Attempts at a time.
pub const PLACES: usize = 16;
const JOBS: &str = "/job-worker/jobs";
const DEADLINE: Duration = Duration::from_secs(120);

/// A running host.
pub struct Stack {
    host: TestHost,
}

impl Stack {
    /// Starts it.
    pub async fn start() -> Stack {
        let settings = format!("[jobs]\njobs_max = {PLACES}\nplugin_jobs_max = {PLACES}");
        let host = TestHost::builder()
            .guest("job-worker")
            .config(&settings)
            .variable("HAYRICK_LOG", "error");
        Stack {
            host: host.start().await,
        }
    }

    /// Takes every place with a job that sleeps, so that what is submitted waits.
    pub async fn block(&self) {
        for _ in 0..PLACES {
            submit(&self.host, json!({"do": "sleep", "ms": 3_600_000})).await;
        }
        eventually("every place is taken", DEADLINE, async || {
            (self.counts().await["running"] == PLACES).then_some(())
        })
        .await;
    }

    /// How long it takes to have jobs acknowledged, with so many clients at a time.
    pub async fn submit(&self, jobs: usize, clients: usize) -> Duration {
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for client in 0..clients {
            let http = self.host.client.clone();
            let share = jobs / clients + usize::from(client < jobs % clients);
            tasks.spawn(async move {
                for _ in 0..share {
                    let body = json!({"type": "program", "data": {"do": "return", "value": 0}})
                        .to_string();
                    assert_eq!(http.send("POST", JOBS, &body).await.status, 202);
                }
            });
        }
        tasks.join_all().await;
        begin.elapsed()
    }

    /// How long it takes to do all that waits, once the places are free.
    pub async fn work(&self) -> Duration {
        let running = self
            .host
            .client
            .get(&format!("{JOBS}?status=running"))
            .await
            .json();
        let begin = Instant::now();
        for job in running["data"].as_array().unwrap() {
            let cancelled = self
                .host
                .client
                .send(
                    "POST",
                    &format!("{JOBS}/{}/cancel", job["id"].as_str().unwrap()),
                    "",
                )
                .await;
            assert_eq!(cancelled.status, 200, "{}", cancelled.body);
        }
        let done = async || {
            let counts = self.counts().await;
            (counts["pending"] == 0 && counts["running"] == 0).then_some(())
        };
        eventually("every job is done", DEADLINE, done).await;
        begin.elapsed()
    }

    async fn counts(&self) -> Value {
        self.host
            .client
            .get(&format!("{JOBS}?limit=1"))
            .await
            .json()["counts"]
            .take()
    }
}

async fn submit(host: &TestHost, data: Value) {
    let reply = host
        .client
        .send(
            "POST",
            JOBS,
            &json!({"type": "program", "data": data}).to_string(),
        )
        .await;
    assert_eq!(reply.status, 202, "{}", reply.body);
}
