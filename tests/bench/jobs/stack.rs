//! All of Hayrick in its own process, with jobs that do nothing.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::await_event::eventually;
use crate::support::host::TestHost;

/// Maximum number of concurrent attempts.
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

    /// Occupies every slot with a sleeping job, so that submitted jobs wait.
    pub async fn block(&self) {
        for _ in 0..PLACES {
            submit(&self.host, json!({"do": "sleep", "ms": 3_600_000})).await;
        }
        eventually("every place is taken", DEADLINE, async || {
            (self.counts().await["running"] == PLACES).then_some(())
        })
        .await;
    }

    /// Time until all jobs are acknowledged, with this many concurrent clients.
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

    /// Time to run all waiting jobs, once the slots are free.
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
