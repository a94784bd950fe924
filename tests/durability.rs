//! Acknowledged work survives SIGKILL at any moment, a job that crashes its host, and a full disk.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::await_event::{SOON, eventually};
use crate::support::client::{Client, Reply};
use crate::support::disk::SmallDisk;
use crate::support::folder::Folder;
use crate::support::guest::leave_out;
use crate::support::host::TestHost;
use crate::support::jobs::{program, with};
use crate::support::kill_loop::{self, integrity};
use crate::support::metrics::reached;
use crate::support::random;
use crate::support::report::say;

const JOBS: &str = "/job-worker/jobs";
/// Number of kills; `cargo bench --bench durability` has more.
const KILLS: usize = 12;

#[tokio::test]
async fn acknowledged_jobs_complete_however_often_the_host_is_killed() {
    let seed = random::seed();
    say(&format!("kill loop: HAYRICK_TEST_SEED={seed}"));
    let seen = kill_loop::run(KILLS, seed).await;
    say(&format!("kill loop: {}", seen.summary()));
    seen.check();
    assert!(
        !seen.recoveries.is_empty(),
        "no kill hit a running job, so nothing was tested"
    );
}

async fn submit(client: &Client, data: Value) -> Reply {
    client
        .send(
            "POST",
            JOBS,
            &json!({"type": "program", "data": data}).to_string(),
        )
        .await
}

/// The id of the job, once it is stored.
async fn submitted(client: &Client, data: Value) -> String {
    let reply = submit(client, data).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    reply.json()["id"].as_str().unwrap().to_owned()
}

async fn job(client: &Client, id: &str) -> Value {
    client.get(&format!("{JOBS}/{id}")).await.json()
}

/// The job, once it has this status.
async fn comes_to(client: &Client, id: &str, status: &str) -> Value {
    eventually(&format!("{id} {status}"), SOON, async || {
        Some(job(client, id).await).filter(|job| job["status"] == status)
    })
    .await
}

#[tokio::test]
async fn a_job_that_crashes_the_host_three_times_fails_and_other_jobs_run() {
    let mut host = TestHost::builder().guest("job-worker").start().await;
    let poison = submitted(&host.client, json!({"do": "sleep", "ms": 600_000})).await;
    for death in 1..=3 {
        let running = comes_to(&host.client, &poison, "running").await;
        assert_eq!(
            (&running["attempt"], &running["crashes"]),
            (&json!(death), &json!(death - 1)),
            "{running}"
        );
        // One that does not run yet when the host dies.
        let other = json!({"do": "return", "value": death});
        let other = with(program(other), json!({"delay": 1}));
        let other = host.client.submit("job-worker", other).await["id"].clone();
        let other = other.as_str().unwrap();
        host = host.kill_and_restart().await;
        assert_eq!(
            comes_to(&host.client, other, "completed").await["result"],
            death
        );
    }
    let failed = job(&host.client, &poison).await;
    assert_eq!(
        (&failed["status"], &failed["crashes"]),
        (&json!("failed"), &json!(3)),
        "{failed}"
    );
    assert!(
        failed["error"]
            .as_str()
            .is_some_and(|error| error.starts_with("the host died 3 times")),
        "{failed}"
    );
    host.logs.line(&["the host died too often", &poison]).await;
    assert_eq!(reached(&host, "jobs.crashes_max", "job-worker").await, 1);
    let again = host
        .client
        .send("POST", &format!("{JOBS}/{poison}/retry"), "")
        .await;
    assert_eq!(
        again.status, 202,
        "a manual retry is allowed: {}",
        again.body
    );
    comes_to(&host.client, &poison, "running").await;
}

#[tokio::test]
async fn healthy_jobs_complete_although_the_host_dies_three_times() {
    let mut host = TestHost::builder().guest("job-worker").start().await;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(submitted(&host.client, json!({"do": "sleep", "ms": 2500})).await);
    }
    for death in 1..=3 {
        let running = if death < 3 { &jobs[..] } else { &jobs[..1] };
        for job in running {
            let running = comes_to(&host.client, job, "running").await;
            assert_eq!(running["crashes"], death - 1, "{running}");
        }
        host = host.kill_and_restart().await;
    }
    for job in &jobs {
        comes_to(&host.client, job, "completed").await;
    }
}

/// Small, but with room for the store and some jobs.
const DISK_BYTES: u64 = 24 << 20;
/// Data of somebody else on the disk, which is removed in the end.
const BALLAST_BYTES: usize = 12 << 20;
const DATA_BYTES: usize = 100_000;
/// More than can fit, in case the disk never fills up.
const SUBMISSIONS_MAX: usize = 200;

fn large(number: usize) -> Value {
    json!({"do": "return", "value": [number, "x".repeat(DATA_BYTES)]})
}

#[tokio::test]
async fn a_full_disk_is_reported_and_loses_no_job() {
    let folder = Folder::fresh();
    let Some(disk) = SmallDisk::mount(&folder.subfolder("disk"), DISK_BYTES) else {
        return leave_out("the full disk: run the tests as root, who may mount a small one");
    };
    disk.load(BALLAST_BYTES);
    // Results are as large as the data; with one worker, jobs are still waiting when the disk is
    // full.
    let settings = "[jobs]\njobs_max = 1\nplugin_jobs_max = 1";
    let host = TestHost::builder()
        .guest("job-worker")
        .guest("echo-relay")
        .guest("files-echo")
        .config(settings);
    let host = host.data_dir(disk.path()).start().await;
    let (mut kept, refused) = submit_until_full(&host.client).await;
    is_full(&refused);
    disk.fill();
    // The store's log may have been emptied meanwhile, and then has room for a few more.
    let (more, refused) = submit_until_full(&host.client).await;
    is_full(&refused);
    kept.extend(more);
    is_full(&upload(&host.client).await);
    assert_eq!(
        host.client
            .chat("echo-relay", "echo:still here")
            .await
            .text(),
        "still here"
    );
    let begin = host.client.get(&format!("{JOBS}/{}", kept[0])).await;
    assert_eq!(
        begin.status, 200,
        "existing data can be read: {}",
        begin.body
    );

    disk.clear();
    let small = eventually("a job is accepted again", SOON, async || {
        let reply = submit(&host.client, json!({"do": "return", "value": 0})).await;
        (reply.status == 202).then(|| reply.json()["id"].as_str().unwrap().to_owned())
    });
    kept.push(small.await);
    for id in &kept {
        comes_to(&host.client, id, "completed").await;
    }
    assert_eq!(upload(&host.client).await.status, 200);
    drop(host.killed().await);
    assert_eq!(integrity(disk.path()), "ok");
    say(&format!(
        "full disk: {} jobs accepted before it was full, all of them completed after it",
        kept.len() - 1
    ));
}

/// The ids of the accepted jobs, and the first refusal.
async fn submit_until_full(client: &Client) -> (Vec<String>, Reply) {
    let mut kept = Vec::new();
    for number in 0..SUBMISSIONS_MAX {
        let reply = submit(client, large(number)).await;
        if reply.status != 202 {
            return (kept, reply);
        }
        kept.push(reply.json()["id"].as_str().unwrap().to_owned());
    }
    panic!("{SUBMISSIONS_MAX} jobs of {DATA_BYTES} bytes fit on {DISK_BYTES} bytes");
}

/// 507, in OpenAI's form.
#[track_caller]
fn is_full(reply: &Reply) {
    assert_eq!(reply.status, 507, "{}", reply.body);
    assert!(reply.error().contains("full"), "{}", reply.body);
    let error = &reply.json()["error"];
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("server_error"), &json!("insufficient_storage")),
        "{error}"
    );
}

/// A form with one file.
async fn upload(client: &Client) -> Reply {
    let content = "x".repeat(DATA_BYTES);
    let body = format!(
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n{content}\r\n--B--\r\n"
    );
    let headers = [("content-type", "multipart/form-data; boundary=B")];
    client
        .try_send(Method::POST, "/files-echo/files", &headers, body)
        .await
        .unwrap()
}
