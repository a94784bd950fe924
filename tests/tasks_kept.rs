//! Which tasks are kept, listed and deleted, and what survives a restart.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::await_event::{SOON, eventually};
use crate::support::host::TestHost;
use crate::tasks::{REPORTER, ids, page, run_of, task};

/// Makes this many runs in sequence; the guest fails every third.
async fn make_runs(host: &TestHost, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let text = if number % 3 == 0 { "nonsense" } else { "1 0" };
        ids.push(run_of(&host.client.chat(REPORTER, text).await));
    }
    ids
}

#[tokio::test]
async fn paging_through_tasks_has_no_gaps_or_duplicates() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let mut made = make_runs(&host, 15).await;
    // Some are already on disk; the newest are still in memory.
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
async fn invalid_requests_are_refused_with_the_reason() {
    let host = TestHost::builder()
        .guest(REPORTER)
        .guest("echo-relay")
        .start()
        .await;
    let id = run_of(&host.client.chat(REPORTER, "1 0").await);
    for (path, status, fragment) in [
        (
            "task-reporter/tasks?status=done",
            400,
            "started, processing, completed, error, cancelled",
        ),
        (
            "task-reporter/tasks?kind=x",
            400,
            "chat, api, embeddings, files, job",
        ),
        (
            "task-reporter/tasks?before=x",
            400,
            "'next' of the previous page",
        ),
        (
            "task-reporter/tasks?limit=x",
            400,
            "the query is wrong: limit: invalid digit",
        ),
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
        assert!(reply.error().contains(fragment), "{path}: {}", reply.body);
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
async fn failures_outlive_successes_and_pages_are_bounded_in_bytes() {
    let host = TestHost::builder()
        .guest(REPORTER)
        .config("[tasks]\nkept_max = 8\npage_bytes_max = '4 KiB'")
        .start()
        .await;
    let failed = run_of(&host.client.chat(REPORTER, "nonsense").await);
    for _ in 0..20 {
        host.client.chat(REPORTER, "5 0").await;
    }
    eventually("most successes are deleted", SOON, async || {
        let counts = page(&host, REPORTER, "").await["counts"].clone();
        (counts["completed"].as_u64() < Some(12)).then_some(())
    })
    .await;
    let first = page(&host, REPORTER, "limit=1000").await;
    assert!(first["data"].as_array().unwrap().len() < 8, "{first}");
    let (mut found, mut before) = (Vec::new(), String::new());
    loop {
        let page = page(&host, REPORTER, &format!("limit=1000{before}")).await;
        assert!(page.to_string().len() < 5 << 10, "{page}");
        found.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(found.last(), Some(&failed));
}

#[tokio::test]
async fn old_tasks_are_deleted_and_running_ones_are_kept() {
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
async fn the_newest_tasks_are_kept_up_to_the_limit() {
    let host = TestHost::builder()
        .guest(REPORTER)
        .config("[tasks]\nkept_max = 3\nfailed_kept_max = 2")
        .start()
        .await;
    let made = make_runs(&host, 20).await;
    let kept = eventually("five are left", SOON, async || {
        let kept = ids(&page(&host, REPORTER, "").await);
        (kept.len() <= 5).then_some(kept)
    })
    .await;
    // Of these, the first and the fourth failed.
    let newest: BTreeSet<_> = [15, 16, 17, 18, 19].map(|run| &made[run]).into();
    assert_eq!(kept.iter().collect::<BTreeSet<_>>(), newest);
}

#[tokio::test]
async fn tasks_are_deleted_after_their_retention_time() {
    const KEPT_MAX: usize = 1000;
    let config = format!("[tasks]\nkeep_failed = '100ms'\nfailed_kept_max = {KEPT_MAX}");
    let host = TestHost::builder()
        .guest(REPORTER)
        .config(&config)
        .start()
        .await;
    let first = make_runs(&host, 1).await.remove(0);
    let mut made = 1;
    // Old tasks of a pipeline are removed once a minute, and when it has gained an eighth of its
    // maximum.
    eventually("the first is deleted", SOON, async || {
        made += make_runs(&host, 10).await.len();
        let reply = host.client.get(&format!("/{REPORTER}/tasks/{first}")).await;
        (reply.status == 404).then_some(())
    })
    .await;
    assert!(
        made < KEPT_MAX,
        "it may have been deleted because of failed_kept_max"
    );
}

#[tokio::test]
async fn tasks_survive_a_restart_and_the_removal_of_the_plugin() {
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
async fn a_run_interrupted_by_a_kill_is_an_error() {
    let host = TestHost::builder().guest(REPORTER).start().await;
    let mut stream = host.client.stream(REPORTER, "100000 100").await;
    let id = stream.headers["x-hayrick-run"].to_str().unwrap().to_owned();
    // A run that lasts a second or two is on disk before it ends.
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
