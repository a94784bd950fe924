//! `hayrick jobs`, from outside.

use serde_json::{Value, json};

use crate::support::command::{Ended, hayrick};
use crate::support::host::TestHost;
use crate::support::jobs::{id, program, sleep, with};

const WORKER: &str = "job-worker";
const ABSENT: &str = "00000000-0000-0000-0000-000000000000";

/// Runs `hayrick jobs` against this host.
async fn jobs(host: &TestHost, words: &[&str]) -> Ended {
    let port = host.address().rsplit(':').next().unwrap().to_owned();
    let words: Vec<String> = ["jobs"]
        .iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .chain(["--port".to_owned(), port])
        .collect();
    tokio::task::spawn_blocking(move || {
        hayrick(&words.iter().map(String::as_str).collect::<Vec<_>>())
    })
    .await
    .unwrap()
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
fn is(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let printed = ended.stdout.chars().chain(ended.stderr.chars());
    assert!(
        printed
            .into_iter()
            .all(|letter| letter == '\n' || !letter.is_control()),
        "a control character is printed: {ended:?}"
    );
}

#[tokio::test]
async fn a_list_has_a_line_a_job_and_is_filtered() {
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

    for (words, expected) in [
        (["--status", "failed"], &failed),
        (["--type", "program"], &done),
    ] {
        let listed = jobs(&host, &["list", WORKER, words[0], words[1], "--json"]).await;
        is(&listed, 0);
        let page: Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(
            (page["data"].as_array().unwrap().len(), id(&page["data"][0])),
            (1, id(expected)),
            "{words:?}"
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
async fn a_list_is_cut_at_its_limit_and_says_so() {
    let host = TestHost::builder().guest(WORKER).start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(
            0,
            id(&host.client.submit(WORKER, delayed()).await).to_owned(),
        );
    }
    let listed = async |words: &[&str]| {
        let ended = jobs(&host, &[&["list", WORKER, "--json"], words].concat()).await;
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
async fn all_means_more_than_a_page() {
    let host = TestHost::builder().guest(WORKER).start().await;
    for _ in 0..26 {
        // Each request has many at a time, which one commit takes.
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
        "newest first, none twice"
    );
    ids.dedup();
    assert_eq!(ids.len(), 26 * 40);
}

#[tokio::test]
async fn show_tells_of_one_job_and_by_its_code_whether_it_is_well() {
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
    for words in [
        &["show", WORKER, id(&failed)][..],
        &["show", WORKER, id(&failed), "--json"],
        &["list", WORKER],
        &["list", WORKER, "--json"],
    ] {
        let shown = jobs(&host, words).await;
        is(&shown, if words[0] == "show" { 3 } else { 0 });
        assert!(shown.stdout.contains("[2Jgone"), "{shown:?}");
    }
    for (id, word) in [
        (ABSENT, "has no job"),
        ("7", "the id of the job is not a UUID"),
        ("../..", "the id of the job is not a UUID"),
    ] {
        let absent = jobs(&host, &["show", WORKER, id]).await;
        is(&absent, 3);
        assert!(
            absent.stderr.contains(word) && absent.stdout.is_empty(),
            "{absent:?}"
        );
    }
}

#[tokio::test]
async fn wait_ends_with_the_job_or_with_its_time() {
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
    let words = ["wait", WORKER, id(&waiting)];
    let (waited, _) = tokio::join!(
        jobs(&host, &words),
        host.client.of_job(&waiting, "POST", "/cancel")
    );
    is(&waited, 3);
    assert!(waited.stdout.contains("status    cancelled"), "{waited:?}");
    is(&jobs(&host, &["wait", WORKER, ABSENT]).await, 3);
}

#[tokio::test]
async fn cancel_and_retry_change_a_job_or_say_why_not() {
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
async fn without_a_server_it_says_how_to_have_one() {
    let mut host = TestHost::builder().start().await;
    host.sigterm();
    host.ended().await;
    for words in [
        &["list", "p"][..],
        &["show", "p", "7"],
        &["wait", "p", "7"],
        &["cancel", "p", "7"],
        &["retry", "p", "7"],
    ] {
        let ended = jobs(&host, words).await;
        is(&ended, 1);
        assert!(
            ended.stderr.contains("hayrick serve") && ended.stderr.contains("--port"),
            "{ended:?}"
        );
    }
}
