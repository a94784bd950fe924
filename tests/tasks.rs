//! What is known of every run, while it goes on and afterwards.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::await_event::{SOON, eventually};
use crate::support::client::{Reply, text_of};
use crate::support::fake_upstream::{Behaviour, FakeUpstream, TOKENS, USAGE};
use crate::support::form::{Form, upload};
use crate::support::host::TestHost;
use crate::support::raw_client::RawClient;

const REPORTER: &str = "task-reporter";

/// The id of the run that answered.
fn run_of(reply: &Reply) -> String {
    reply
        .header("x-hayrick-run")
        .expect("an answer names its run")
        .to_owned()
}

async fn task(host: &TestHost, pipeline: &str, id: &str) -> Value {
    let reply = host.client.get(&format!("/{pipeline}/tasks/{id}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// A page of tasks.
async fn page(host: &TestHost, pipeline: &str, query: &str) -> Value {
    let reply = host.client.get(&format!("/{pipeline}/tasks?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    reply.json()
}

/// The ids of the tasks on a page.
fn ids(page: &Value) -> Vec<String> {
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

/// Waits until a pipeline has a run of this status.
async fn first_of(host: &TestHost, pipeline: &str, status: &str) -> String {
    eventually(&format!("a run that is {status}"), SOON, async || {
        ids(&page(host, pipeline, &format!("status={status}")).await).pop()
    })
    .await
}

/// Makes this many runs, one after the other; every third is refused by the guest.
async fn make_runs(host: &TestHost, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let text = if number % 3 == 0 { "nonsense" } else { "1 0" };
        ids.push(run_of(&host.client.chat(REPORTER, text).await));
    }
    ids
}

#[tokio::test]
async fn a_run_that_went_well_is_told_in_full() {
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
async fn a_run_that_failed_has_the_error_its_client_got() {
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
async fn a_run_whose_client_hung_up_is_cancelled() {
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
async fn progress_and_notes_are_seen_while_the_run_goes_on() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let mut stream = host.client.stream(REPORTER, "6 100").await;
    let id = stream.headers["x-hayrick-run"].to_str().unwrap().to_owned();
    // It was reported and noted before it was told.
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

    let told = text_of(&stream.rest().await);
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
    let id_told = json!({ "task_id": id }).to_string();
    assert_eq!(
        ended["bytes"],
        id_told.len() + first.text().len() + told.len(),
        "{ended}"
    );
    assert_eq!(ended["chunks"], 7, "{ended}");
}

#[tokio::test]
async fn the_guest_knows_its_task_by_the_id_of_the_header() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let reply = host.client.chat(REPORTER, "1 0").await;
    assert_eq!(reply.json()["task_id"], run_of(&reply));
}

#[tokio::test]
async fn a_run_that_waits_for_a_place_has_only_started() {
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
async fn a_run_that_found_no_place_is_an_error() {
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
async fn runs_over_files_and_attempts_at_jobs_are_tasks_too() {
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
    let told: Vec<_> = attempts
        .iter()
        .map(|task| {
            (
                task["kind"].as_str().unwrap(),
                task["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("job", "completed"), ("job", "error")], "{page}");
    assert!(
        attempts.iter().all(|task| task["job"] == job.as_str()),
        "{page}"
    );
    assert_eq!(attempts[1]["error"], "attempt 1", "{page}");
}

#[tokio::test]
async fn pages_lead_to_the_end_without_gaps_or_doubles_however_the_runs_lie() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let mut made = make_runs(&host, 15).await;
    // Some are on disk by now, and the newest are in memory still.
    let host = host.restart().await;
    made.extend(make_runs(&host, 10).await);
    made.reverse();
    for (filter, expected) in [
        ("", made.clone()),
        ("&kind=chat", made.clone()),
        ("&kind=files", Vec::new()),
        ("&status=error", with_status(&host, &made, "error").await),
        (
            "&status=completed&kind=chat",
            with_status(&host, &made, "completed").await,
        ),
    ] {
        let (mut found, mut before) = (Vec::new(), String::new());
        loop {
            let page = page(&host, REPORTER, &format!("limit=4{filter}{before}")).await;
            assert_eq!(
                page["counts"],
                json!({"started": 0, "processing": 0, "completed": 16, "error": 9, "cancelled": 0})
            );
            found.extend(ids(&page));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            before = format!("&before={next}");
        }
        assert_eq!(found, expected, "{filter}");
    }
}

async fn with_status(host: &TestHost, ids: &[String], status: &str) -> Vec<String> {
    let mut found = Vec::new();
    for id in ids {
        if task(host, REPORTER, id).await["status"] == status {
            found.push(id.clone());
        }
    }
    found
}

#[tokio::test]
async fn what_is_asked_wrongly_is_said() {
    let host = TestHost::builder()
        .guest(REPORTER)
        .guest("echo-relay")
        .start()
        .await;
    let id = run_of(&host.client.chat(REPORTER, "1 0").await);
    for (path, status, word) in [
        (
            "task-reporter/tasks?status=done",
            400,
            "started, processing, completed, error, cancelled",
        ),
        ("task-reporter/tasks?kind=x", 400, "chat, files, api, job"),
        (
            "task-reporter/tasks?before=x",
            400,
            "'next' of the previous page",
        ),
        ("task-reporter/tasks?limit=x", 400, "the query is wrong"),
        ("task-reporter/tasks?page=2", 400, "the query is wrong"),
        ("absent/tasks", 404, "there is no pipeline 'absent'"),
        ("task-reporter/tasks/x", 404, "x-hayrick-run"),
        (
            "task-reporter/tasks/0123456789abcdef0123456789abcdef",
            404,
            "x-hayrick-run",
        ),
        (&format!("absent/tasks/{id}"), 404, "x-hayrick-run"),
        (&format!("echo-relay/tasks/{id}"), 404, "x-hayrick-run"),
    ] {
        let reply = host.client.get(&format!("/{path}")).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        assert!(reply.error().contains(word), "{path}: {}", reply.body);
        assert_eq!(
            reply.json()["error"]["type"],
            "invalid_request_error",
            "{path}"
        );
    }
    assert_eq!(
        host.client
            .send("POST", "/task-reporter/tasks", "")
            .await
            .status,
        405
    );
    assert_eq!(
        page(&host, REPORTER, "limit=0").await["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(page(&host, "echo-relay", "").await["data"], json!([]));
}

#[tokio::test]
async fn tasks_are_deleted_by_their_age_and_those_that_run_stay() {
    let host = TestHost::builder()
        .guest(REPORTER)
        .guest("echo-relay")
        .start()
        .await;
    let mut running = host.client.stream(REPORTER, "100000 10").await;
    running.next_text().await;
    let made = make_runs(&host, 5).await;
    host.client.chat("echo-relay", "echo:hi").await;
    let delete = async |query: &str| {
        host.client
            .send("DELETE", &format!("/task-reporter/tasks{query}"), "")
            .await
    };
    for query in ["", "?older_than=x", "?older_than=-1", "?older=1"] {
        assert_eq!(delete(query).await.status, 400, "{query}");
    }
    assert_eq!(
        delete("?older_than=3600").await.json(),
        json!({"deleted": 0})
    );
    assert_eq!(
        delete("?older_than=0").await.json(),
        json!({"deleted": made.len()})
    );
    assert_eq!(delete("?older_than=0").await.json(), json!({"deleted": 0}));
    assert_eq!(
        host.client
            .get(&format!("/task-reporter/tasks/{}", made[0]))
            .await
            .status,
        404
    );
    let left = page(&host, REPORTER, "").await;
    assert_eq!(
        (ids(&left).len(), &left["data"][0]["status"]),
        (1, &"processing".into()),
        "{left}"
    );
    assert_eq!(ids(&page(&host, "echo-relay", "").await).len(), 1);
    let absent = host
        .client
        .send("DELETE", "/absent/tasks?older_than=0", "")
        .await;
    assert_eq!(absent.status, 404, "{}", absent.body);
}

#[tokio::test]
async fn only_so_many_are_kept_and_the_newest_are_among_them() {
    let host = TestHost::builder()
        .guest(REPORTER)
        .config("[tasks]\nkept_max = 5")
        .start()
        .await;
    let made = make_runs(&host, 20).await;
    let kept = eventually("five are left", SOON, async || {
        let kept = ids(&page(&host, REPORTER, "").await);
        (kept.len() <= 5).then_some(kept)
    })
    .await;
    let newest: BTreeSet<_> = made[15..].iter().collect();
    assert_eq!(kept.iter().collect::<BTreeSet<_>>(), newest);
}

#[tokio::test]
async fn only_so_long_are_they_kept() {
    const KEPT_MAX: usize = 1000;
    let config = format!("[tasks]\nkeep = '100ms'\nkept_max = {KEPT_MAX}");
    let host = TestHost::builder()
        .guest(REPORTER)
        .config(&config)
        .start()
        .await;
    let first = make_runs(&host, 1).await.remove(0);
    let mut made = 1;
    // A pipeline is looked through when it has grown by an eighth of what it may keep, and once a
    // minute.
    eventually("the first is forgotten", SOON, async || {
        made += make_runs(&host, 10).await.len();
        let reply = host.client.get(&format!("/{REPORTER}/tasks/{first}")).await;
        (reply.status == 404).then_some(())
    })
    .await;
    assert!(made < KEPT_MAX, "it may have gone for being one too many");
}

#[tokio::test]
async fn tasks_outlive_a_restart_and_the_plugin_itself() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let made = make_runs(&host, 4).await;
    let before = page(&host, REPORTER, "").await;
    let host = host.restart().await;
    assert_eq!(page(&host, REPORTER, "").await, before);
    std::fs::remove_file(host.plugin_file(REPORTER)).unwrap();
    eventually("it is undeployed", SOON, async || {
        host.client.status(REPORTER).await.is_none().then_some(())
    })
    .await;
    assert_eq!(page(&host, REPORTER, "").await, before);
    assert_eq!(task(&host, REPORTER, &made[1]).await["status"], "completed");
}

#[tokio::test]
async fn a_run_that_was_going_on_when_the_host_was_killed_is_an_error() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let mut stream = host.client.stream(REPORTER, "100000 100").await;
    let id = stream.headers["x-hayrick-run"].to_str().unwrap().to_owned();
    // Whatever lasts for a second or two is on disk before its end.
    for _ in 0..30 {
        stream.next_text().await;
    }
    let host = host.kill_and_restart().await;
    let task = task(&host, REPORTER, &id).await;
    assert_eq!(
        (&task["status"], &task["error"]),
        (
            &"error".into(),
            &"the host stopped before this run ended".into()
        ),
        "{task}"
    );
    assert!(
        task["end_time"].as_f64() > task["start_time"].as_f64(),
        "{task}"
    );
}
