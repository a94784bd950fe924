//! The queue from a guest's point of view: the host functions, and the chat of the example plugin
//! that uses them.

use serde_json::{Value, json};

use crate::support::client::{Reply, chat_body, text_of};
use crate::support::host::TestHost;
use crate::support::jobs::{id, with};

const WORKER: &str = "job-worker";
const QUEUE: &str = "job-queue-pipeline";

/// The guest's answer to `verb:rest`.
async fn ask(host: &TestHost, pipeline: &str, verb: &str, rest: &str) -> Reply {
    host.client.chat(pipeline, &format!("{verb}:{rest}")).await
}

/// The same answer, parsed as JSON.
async fn call(host: &TestHost, verb: &str, rest: &str) -> Value {
    let text = ask(host, WORKER, verb, rest).await.text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_guest_submits_and_waits_for_jobs() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let job = call(
        &host,
        "submit",
        r#"{"data": {"do": "return", "value": "done"}}"#,
    )
    .await;
    assert_eq!(
        (&job["status"], &job["kind"], &job["attempt"]),
        (&json!("pending"), &json!("program"), &json!(0))
    );
    let ended = call(&host, "wait", id(&job)).await;
    assert_eq!(
        (&ended["status"], &ended["result"]),
        (&json!("completed"), &json!("done")),
        "{ended}"
    );
    assert_eq!(call(&host, "get", id(&job)).await, ended);
    let outside = host.client.jobs(WORKER, "").await;
    assert_eq!((outside.len(), id(&outside[0])), (1, id(&job)));
    assert_eq!(
        call(&host, "get", "00000000-0000-0000-0000-000000000000").await,
        Value::Null
    );
    assert_eq!(call(&host, "get", "not an id").await, Value::Null);
}

#[tokio::test]
async fn job_options_set_by_a_guest_are_stored() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let submission = json!({
        "kind": "k", "data": {"do": "return", "value": 1}, "idempotency_key": "once",
        "delay_ms": 3_600_000, "priority": 7, "max_attempts": 9, "timeout_ms": 5000,
    });
    let job = call(&host, "submit", &submission.to_string()).await;
    assert_eq!(
        id(&call(&host, "submit", &submission.to_string()).await),
        id(&job)
    );
    let outside = host
        .client
        .get(&format!("/{WORKER}/jobs/{}", id(&job)))
        .await
        .json();
    assert_eq!(
        (
            &outside["type"],
            &outside["priority"],
            &outside["max_attempts"]
        ),
        (&json!("k"), &json!(7), &json!(9))
    );
    assert_eq!(outside["timeout"], 5.0);
    let conflict = ask(
        &host,
        WORKER,
        "submit",
        &json!({"data": {"do": "panic"}, "idempotency_key": "once"}).to_string(),
    )
    .await;
    assert!(
        conflict.status == 400 && conflict.error().contains("use a new key"),
        "{}",
        conflict.body
    );
}

#[tokio::test]
async fn a_guest_lists_and_cancels_its_own_jobs_only() {
    let host = TestHost::builder()
        .guest(WORKER)
        .guest_as(WORKER, "other")
        .start()
        .await;
    let delayed = r#"{"data": {"do": "return", "value": 1}, "delay_ms": 3600000}"#;
    let (first, second) = (
        call(&host, "submit", delayed).await,
        call(&host, "submit", delayed).await,
    );
    let listed = call(&host, "list", "pending").await;
    assert_eq!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(id)
            .collect::<Vec<_>>(),
        [id(&second), id(&first)]
    );
    assert_eq!(call(&host, "list", "=1").await.as_array().unwrap().len(), 1);
    assert_eq!(
        call(&host, "wait", &format!("{}=10", id(&first))).await["status"],
        "pending"
    );

    assert_eq!(ask(&host, "other", "list", "").await.text(), "[]");
    assert_eq!(ask(&host, "other", "get", id(&first)).await.text(), "null");
    assert_eq!(ask(&host, "other", "cancel", id(&first)).await.status, 404);
    assert_eq!(ask(&host, "other", "wait", id(&first)).await.status, 404);

    assert_eq!(
        call(&host, "cancel", id(&first)).await["status"],
        "cancelled"
    );
    assert_eq!(
        call(&host, "list", "pending")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(ask(&host, WORKER, "cancel", "not an id").await.status, 400);
}

#[tokio::test]
async fn only_an_attempt_can_save_a_checkpoint() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let reply = ask(&host, WORKER, "checkpoint", "{}").await;
    assert!(
        reply.status == 400 && reply.error().contains("run-job"),
        "{}",
        reply.body
    );
}

fn asking(fields: Value) -> Value {
    with(chat_body(QUEUE, "Analyze this text"), fields)
}

#[tokio::test]
async fn a_chat_submits_a_job_and_reports_its_status() {
    let host = TestHost::builder().plugin(QUEUE).start().await;
    let submitted = host
        .client
        .chat_with(&asking(
            json!({"submit_job": true, "job_type": "analysis", "instruction": "Be brief"}),
        ))
        .await;
    let answer = submitted.json();
    let job_id = answer["job_id"]
        .as_str()
        .unwrap_or_else(|| panic!("no job_id: {answer}"));
    assert_eq!(
        submitted.text(),
        format!("Job submitted with ID: {job_id}\nUse the job status endpoint to check progress")
    );
    assert_eq!(
        (&answer["object"], &answer["model"]),
        (&json!("chat.completion"), &json!(QUEUE))
    );

    let done = host
        .client
        .get(&format!("/{QUEUE}/job/{job_id}?wait=60"))
        .await
        .json();
    assert_eq!(
        (&done["status"], &done["type"]),
        (&json!("completed"), &json!("analysis")),
        "{done}"
    );
    assert_eq!(
        done["data"],
        json!({"text": "Analyze this text", "instruction": "Be brief"})
    );
    let standing = host
        .client
        .chat_with(&asking(json!({"job_id": job_id})))
        .await
        .text();
    assert_eq!(
        standing,
        format!("Job completed: {}", done["result"].as_str().unwrap())
    );
}

#[tokio::test]
async fn a_streamed_submission_returns_the_job_id() {
    let host = TestHost::builder().plugin(QUEUE).start().await;
    let mut stream = host
        .client
        .stream_with(&asking(json!({"submit_job": true, "stream": true})))
        .await;
    let frames = stream.rest().await;
    let answer = frames
        .iter()
        .find_map(|frame| frame.json["job_id"].as_str())
        .unwrap_or_else(|| panic!("no job_id: {frames:?}"));
    assert!(text_of(&frames).contains(answer), "{frames:?}");
}

#[tokio::test]
async fn a_chat_reports_the_status_of_each_job() {
    let host = TestHost::builder().plugin(QUEUE).start().await;
    let standing = async |job: &Value| {
        host.client
            .chat_with(&asking(json!({"job_id": id(job)})))
            .await
            .text()
    };
    let failed = host
        .client
        .work(QUEUE, json!({"type": "dance", "data": {}}))
        .await;
    assert_eq!(
        standing(&failed).await,
        "Job failed: Unknown job type: dance"
    );
    let pending = host
        .client
        .submit(
            QUEUE,
            json!({"type": "generation", "data": {"prompt": "p"}, "delay": 3600}),
        )
        .await;
    assert_eq!(standing(&pending).await, "Job status: pending");
    host.client.of_job(&pending, "POST", "/cancel").await;
    assert_eq!(standing(&pending).await, "Job status: cancelled");

    let unknown = host.client.chat_with(&asking(json!({"job_id": "7"}))).await;
    assert!(
        unknown.status == 404 && unknown.error() == "Job not found",
        "{}",
        unknown.body
    );
    let wrong = host
        .client
        .chat_with(&asking(json!({"submit_job": "yes"})))
        .await;
    assert!(
        wrong.status == 400 && wrong.error().contains("submit_job"),
        "{}",
        wrong.body
    );
    let plain = host.client.chat(QUEUE, "Hello").await;
    assert!(
        plain.json()["job_id"].is_null() && !plain.text().is_empty(),
        "{}",
        plain.body
    );
}
