//! The command `hayrick jobs`.

use serde_json::{Value, json};

use crate::support::command::CommandOutput;
use crate::support::host::TestHost;
use crate::support::jobs::{id, program, sleep, with};

const WORKER: &str = "job-worker";
const ABSENT: &str = "00000000-0000-0000-0000-000000000000";

/// Runs `hayrick jobs` against this host.
async fn jobs(host: &TestHost, args: &[&str]) -> CommandOutput {
    host.command(&[&["jobs"], args].concat()).await
}

fn value(value: u64) -> Value {
    program(json!({"do": "return", "value": value}))
}

fn delayed() -> Value {
    with(value(1), json!({"delay": 3600}))
}

fn failing(error: &str) -> Value {
    program(json!({"do": "permanent", "error": error}))
}

#[track_caller]
fn is(ended: &CommandOutput, code: i32) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let printed = ended.stdout.chars().chain(ended.stderr.chars());
    assert!(
        printed
            .into_iter()
            .all(|char| char == '\n' || !char.is_control()),
        "a control character is printed: {ended:?}"
    );
}

#[tokio::test]
async fn a_list_has_one_line_per_job_and_can_be_filtered() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let done = host.client.work(WORKER, value(1)).await;
    let failed = host
        .client
        .work(
            WORKER,
            with(failing("out of luck"), json!({"type": "other"})),
        )
        .await;
    let listed = jobs(&host, &["list", WORKER]).await;
    is(&listed, 0);
    let lines: Vec<Vec<&str>> = listed
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        [
            "ID", "STATUS", "TYPE", "ATTEMPT", "PROGRESS", "AGE", "ERROR"
        ]
    );
    assert_eq!(
        (lines.len(), &lines[1][..5]),
        (3, &[id(&failed), "failed", "other", "1/4", "-"][..])
    );
    assert_eq!(
        (&lines[1][6..], &lines[2][..4]),
        (
            &["out", "of", "luck"][..],
            &[id(&done), "completed", "program", "1/4"][..]
        )
    );

    for (args, expected) in [
        (["--status", "failed"], &failed),
        (["--type", "program"], &done),
    ] {
        let listed = jobs(&host, &["list", WORKER, args[0], args[1], "--json"]).await;
        is(&listed, 0);
        let page: Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(
            (page["data"].as_array().unwrap().len(), id(&page["data"][0])),
            (1, id(expected)),
            "{args:?}"
        );
        assert_eq!(page["counts"]["failed"], 1);
    }
    is(&jobs(&host, &["list", WORKER, "--status", "done"]).await, 2);
    let absent = jobs(&host, &["list", "absent"]).await;
    is(&absent, 3);
    assert!(
        absent.stderr.contains("there is no pipeline 'absent'"),
        "{absent:?}"
    );
}

#[tokio::test]
async fn a_list_is_truncated_at_its_limit_with_a_notice() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(
            0,
            id(&host.client.submit(WORKER, delayed()).await).to_owned(),
        );
    }
    let listed = async |args: &[&str]| {
        let ended = jobs(&host, &[&["list", WORKER, "--json"], args].concat()).await;
        is(&ended, 0);
        let page: Value = serde_json::from_str(&ended.stdout).unwrap();
        (
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| id(job).to_owned())
                .collect::<Vec<_>>(),
            ended.stderr.contains("--all"),
        )
    };
    assert_eq!(listed(&["--limit", "2"]).await, (ids[..2].to_vec(), true));
    assert_eq!(listed(&["--limit", "3"]).await, (ids.clone(), false));
    assert_eq!(listed(&["--all"]).await, (ids, false));
}

#[tokio::test]
async fn the_all_flag_lists_more_than_one_page() {
    let host = TestHost::builder().guest(WORKER).start().await;
    for _ in 0..26 {
        // Many concurrent requests, whose jobs are stored in one commit.
        futures_util::future::join_all((0..40).map(|_| host.client.submit(WORKER, delayed())))
            .await;
    }
    let all = jobs(&host, &["list", WORKER, "--all"]).await;
    is(&all, 0);
    let mut ids: Vec<&str> = all
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert!(
        ids.is_sorted_by(|one, next| one > next),
        "newest first, without duplicates"
    );
    ids.dedup();
    assert_eq!(ids.len(), 26 * 40);
}

#[tokio::test]
async fn show_prints_a_job_and_its_exit_code_reflects_the_status() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let done = host
        .client
        .work(
            WORKER,
            program(json!({"do": "progress", "steps": 2, "ms": 1})),
        )
        .await;
    let shown = jobs(&host, &["show", WORKER, id(&done)]).await;
    is(&shown, 0);
    for line in [
        "status    completed",
        "attempt   1 of 4",
        "progress  2/2: step 2",
        "result    2",
    ] {
        assert!(
            shown.stdout.lines().any(|shown| shown == line),
            "{line:?} is not in {}",
            shown.stdout
        );
    }
    let as_json = jobs(&host, &["show", WORKER, id(&done), "--json"]).await;
    assert_eq!(
        serde_json::from_str::<Value>(&as_json.stdout).unwrap(),
        done
    );

    let failed = host
        .client
        .work(WORKER, failing("\u{1b}[2Jgone\u{9b}\u{7f}\nnext"))
        .await;
    for args in [
        &["show", WORKER, id(&failed)][..],
        &["show", WORKER, id(&failed), "--json"],
        &["list", WORKER],
        &["list", WORKER, "--json"],
    ] {
        let shown = jobs(&host, args).await;
        is(&shown, if args[0] == "show" { 3 } else { 0 });
        assert!(shown.stdout.contains("[2Jgone"), "{shown:?}");
    }
    for (id, fragment) in [
        (ABSENT, "has no job"),
        ("7", "the id of the job is not a UUID"),
        ("../..", "the id of the job is not a UUID"),
    ] {
        let absent = jobs(&host, &["show", WORKER, id]).await;
        is(&absent, 3);
        assert!(
            absent.stderr.contains(fragment) && absent.stdout.is_empty(),
            "{absent:?}"
        );
    }
}

#[tokio::test]
async fn wait_returns_when_the_job_ends_or_on_timeout() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let job = host.client.submit(WORKER, sleep(700)).await;
    let waited = jobs(&host, &["wait", WORKER, id(&job)]).await;
    is(&waited, 0);
    assert!(waited.stdout.contains("status    completed"), "{waited:?}");

    let waiting = host.client.submit(WORKER, delayed()).await;
    let given_up = jobs(&host, &["wait", WORKER, id(&waiting), "--timeout", "200ms"]).await;
    is(&given_up, 1);
    assert!(
        given_up.stderr.contains("still pending") && given_up.stdout.contains("status    pending"),
        "{given_up:?}"
    );
    let args = ["wait", WORKER, id(&waiting)];
    let (waited, _) = tokio::join!(
        jobs(&host, &args),
        host.client.of_job(&waiting, "POST", "/cancel")
    );
    is(&waited, 3);
    assert!(waited.stdout.contains("status    cancelled"), "{waited:?}");
    is(&jobs(&host, &["wait", WORKER, ABSENT]).await, 3);
}

#[tokio::test]
async fn cancel_and_retry_change_a_job_or_print_the_reason() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let job = host.client.submit(WORKER, delayed()).await;
    let refused = jobs(&host, &["retry", WORKER, id(&job)]).await;
    is(&refused, 1);
    assert!(
        refused
            .stderr
            .contains("only a failed or cancelled job can be retried"),
        "{refused:?}"
    );
    let cancelled = jobs(&host, &["cancel", WORKER, id(&job)]).await;
    is(&cancelled, 0);
    assert!(
        cancelled.stdout.contains("status    cancelled"),
        "{cancelled:?}"
    );
    let retried = jobs(&host, &["retry", WORKER, id(&job), "--json"]).await;
    is(&retried, 0);
    assert_eq!(
        serde_json::from_str::<Value>(&retried.stdout).unwrap()["id"],
        job["id"]
    );
    assert_eq!(host.client.ended(&job).await["status"], "completed");
    is(&jobs(&host, &["cancel", WORKER, ABSENT]).await, 3);
}

#[tokio::test]
async fn without_a_server_the_error_names_the_cure() {
    let mut host = TestHost::builder().start().await;
    host.sigterm();
    host.ended().await;
    for args in [
        &["list", "p"][..],
        &["show", "p", "7"],
        &["wait", "p", "7"],
        &["cancel", "p", "7"],
        &["retry", "p", "7"],
    ] {
        let ended = jobs(&host, args).await;
        is(&ended, 1);
        assert!(
            ended.stderr.contains("hayrick serve") && ended.stderr.contains("--port"),
            "{ended:?}"
        );
    }
}
