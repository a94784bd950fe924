//! The record of every run, during and after it.

use serde_json::{Value, json};

use crate::support::await_event::{SOON, eventually};
use crate::support::client::{Reply, text_of};
use crate::support::fake_upstream::{Behaviour, FakeUpstream, TOKENS, USAGE};
use crate::support::form::{Form, upload};
use crate::support::host::TestHost;
use crate::support::raw_client::RawClient;

pub const REPORTER: &str = "task-reporter";

/// The id of the run that produced an answer.
pub fn run_of(reply: &Reply) -> String {
    reply
        .header("x-hayrick-run")
        .expect("an answer names its run")
        .to_owned()
}

pub async fn task(host: &TestHost, pipeline: &str, id: &str) -> Value {
    let reply = host.client.get(&format!("/{pipeline}/tasks/{id}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// A page of tasks.
pub async fn page(host: &TestHost, pipeline: &str, query: &str) -> Value {
    let reply = host.client.get(&format!("/{pipeline}/tasks?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    reply.json()
}

/// The ids of the tasks on a page.
pub fn ids(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until a run has this status.
async fn reaches(host: &TestHost, pipeline: &str, id: &str, status: &str) -> Value {
    eventually(&format!("the run is {status}"), SOON, async || {
        let task = task(host, pipeline, id).await;
        (task["status"] == status).then_some(task)
    })
    .await
}

/// Waits until a pipeline has a run with this status.
async fn first_of(host: &TestHost, pipeline: &str, status: &str) -> String {
    eventually(&format!("a run that is {status}"), SOON, async || {
        ids(&page(host, pipeline, &format!("status={status}")).await).pop()
    })
    .await
}

#[tokio::test]
async fn a_successful_run_is_recorded_in_full() {
    let upstream = FakeUpstream::start(Behaviour::Ok).await;
    let host = TestHost::builder()
        .guest("echo-relay")
        .upstream(&upstream.base_url())
        .start()
        .await;
    let body = json!({"model": "echo-relay", "messages": [
        {"role": "system", "content": "be brief"}, {"role": "user", "content": "relay:hello"}]});
    let reply = host.client.chat_with(&body).await;
    let (id, text) = (run_of(&reply), TOKENS.concat());
    assert_eq!(reply.text(), text);

    let task = task(&host, "echo-relay", &id).await;
    let (prompt, completion) = USAGE;
    let fields = [
        ("id", json!(id)),
        ("pipeline", json!("echo-relay")),
        ("kind", json!("chat")),
        ("status", json!("completed")),
        ("messages", json!(2)),
        ("bytes", json!(text.len())),
        (
            "usage",
            json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}),
        ),
        ("error", Value::Null),
        ("progress", Value::Null),
        ("notes", json!([])),
    ];
    for (name, expected) in fields {
        assert_eq!(task[name], expected, "{name}: {task}");
    }
    assert!(
        task["chunks"].as_u64() >= Some(TOKENS.len() as u64),
        "{task}"
    );
    let (start, end) = (
        task["start_time"].as_f64().unwrap(),
        task["end_time"].as_f64().unwrap(),
    );
    assert!(
        1.7e9 < start && start <= end && end < start + 60.0,
        "{task}"
    );
    assert!(
        task.get("files").is_none() && task.get("job").is_none(),
        "{task}"
    );
    assert_eq!(ids(&page(&host, "echo-relay", "").await), [id]);
}

#[tokio::test]
async fn a_failed_run_records_the_error_sent_to_its_client() {
    let host = TestHost::builder()
        .guest("panic")
        .guest("panic-after-first-chunk")
        .guest(REPORTER)
        .start()
        .await;
    for (pipeline, text, status) in [("panic", "hi", 500), (REPORTER, "nonsense", 400)] {
        let reply = host.client.chat(pipeline, text).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        let task = task(&host, pipeline, &run_of(&reply)).await;
        assert_eq!(
            (&task["status"], &task["error"]),
            (&"error".into(), &reply.error().into()),
            "{task}"
        );
        assert!(task["end_time"].is_f64(), "{task}");
    }
    let mut stream = host.client.stream("panic-after-first-chunk", "hi").await;
    let id = stream.headers["x-hayrick-run"].to_str().unwrap().to_owned();
    let error = stream.rest_error().await;
    let task = task(&host, "panic-after-first-chunk", &id).await;
    assert_eq!(
        (&task["status"], &task["error"]),
        (&"error".into(), &error.into()),
        "{task}"
    );
    assert!(task["chunks"].as_u64() >= Some(1), "{task}");
}

#[tokio::test]
async fn a_run_is_cancelled_when_its_client_hangs_up() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let mut client = RawClient::stream(host.address(), REPORTER, "100000 10").await;
    client.read_until("step 2 of").await;
    let id = first_of(&host, REPORTER, "processing").await;
    drop(client);
    let task = reaches(&host, REPORTER, &id, "cancelled").await;
    assert!(
        task["error"].as_str().unwrap().contains("hung up"),
        "{task}"
    );
    assert!(
        task["end_time"].is_f64() && task["chunks"].as_u64() >= Some(2),
        "{task}"
    );
}

#[tokio::test]
async fn progress_and_notes_are_visible_during_the_run() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let mut stream = host.client.stream(REPORTER, "6 100").await;
    let id = stream.headers["x-hayrick-run"].to_str().unwrap().to_owned();
    // The progress and the note were sent before this text.
    let first = stream.next_text().await;
    assert_eq!(first.text(), "step 1 of 6\n");
    let running = task(&host, REPORTER, &id).await;
    assert_eq!(
        (&running["status"], &running["end_time"]),
        (&"processing".into(), &Value::Null),
        "{running}"
    );
    assert!(
        running["progress"]["done"].as_u64() >= Some(1) && running["progress"]["total"] == 6,
        "{running}"
    );
    assert_eq!(running["notes"][0]["text"], "note 1", "{running}");

    let rest = text_of(&stream.rest().await);
    let ended = task(&host, REPORTER, &id).await;
    assert_eq!(
        (&ended["status"], &ended["progress"]),
        (
            &"completed".into(),
            &json!({"done": 6, "total": 6, "message": "step 6"})
        )
    );
    let notes = ended["notes"].as_array().unwrap();
    let texts: Vec<_> = notes
        .iter()
        .map(|note| note["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        texts,
        ["note 1", "note 2", "note 3", "note 4", "note 5", "note 6"]
    );
    assert!(
        notes
            .iter()
            .map(|note| note["at"].as_f64().unwrap())
            .is_sorted(),
        "{ended}"
    );
    let id_text = json!({ "task_id": id }).to_string();
    assert_eq!(
        ended["bytes"],
        id_text.len() + first.text().len() + rest.len(),
        "{ended}"
    );
    assert_eq!(ended["chunks"], 7, "{ended}");
}

#[tokio::test]
async fn the_guest_sees_the_task_id_of_the_response_header() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let reply = host.client.chat(REPORTER, "1 0").await;
    assert_eq!(reply.json()["task_id"], run_of(&reply));
}

#[tokio::test]
async fn a_run_waiting_for_a_slot_is_started_but_not_processing() {
    let host = TestHost::builder()
        .guest(REPORTER)
        .limits("plugin_runs_max = 1")
        .start()
        .await;
    let mut running = host.client.stream(REPORTER, "100000 10").await;
    running.next_text().await;
    let client = host.client.clone();
    let waiting = tokio::spawn(async move { client.chat(REPORTER, "1 0").await });
    let id = first_of(&host, REPORTER, "started").await;
    let counts = page(&host, REPORTER, "limit=1").await["counts"].clone();
    assert_eq!(
        counts,
        json!({"started": 1, "processing": 1, "completed": 0, "error": 0, "cancelled": 0})
    );
    drop(running);
    assert_eq!(run_of(&waiting.await.unwrap()), id);
    assert_eq!(task(&host, REPORTER, &id).await["status"], "completed");
}

#[tokio::test]
async fn a_run_refused_by_a_full_queue_is_an_error() {
    let host = TestHost::builder()
        .guest(REPORTER)
        .limits("plugin_runs_max = 1\nplugin_queue_max = 0")
        .start()
        .await;
    let mut running = host.client.stream(REPORTER, "100000 10").await;
    running.next_text().await;
    let refused = host.client.chat(REPORTER, "1 0").await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    let task = task(&host, REPORTER, &run_of(&refused)).await;
    assert_eq!(
        (&task["status"], &task["error"]),
        (&"error".into(), &refused.error().into()),
        "{task}"
    );
}

#[tokio::test]
async fn file_runs_and_job_attempts_are_tasks_too() {
    let host = TestHost::builder()
        .guest("files-echo")
        .guest("job-worker")
        .start()
        .await;
    let reply = upload(
        &host.client,
        "files-echo",
        Form::default().file("a", "1").file("b", "2"),
    )
    .await;
    let files = task(&host, "files-echo", &run_of(&reply)).await;
    assert_eq!(
        (&files["kind"], &files["files"], &files["bytes"]),
        (&"files".into(), &2.into(), &reply.body.len().into()),
        "{files}"
    );

    let submission =
        json!({"type": "program", "data": {"do": "count-attempts", "until": 2}}).to_string();
    let job = host
        .client
        .send("POST", "/job-worker/jobs", &submission)
        .await
        .json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let done = host
        .client
        .get(&format!("/job-worker/job/{job}?wait=60"))
        .await
        .json();
    assert_eq!(done["status"], "completed", "{done}");
    let page = page(&host, "job-worker", "kind=job").await;
    let attempts = page["data"].as_array().unwrap();
    let kinds: Vec<_> = attempts
        .iter()
        .map(|task| {
            (
                task["kind"].as_str().unwrap(),
                task["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(kinds, [("job", "completed"), ("job", "error")], "{page}");
    assert!(
        attempts.iter().all(|task| task["job"] == job.as_str()),
        "{page}"
    );
    assert_eq!(attempts[1]["error"], "attempt 1", "{page}");
}
