//! Jobs over HTTP: submit, get, list, and each refusal.

use serde_json::{Value, json};

use crate::support::client::Reply;
use crate::support::host::{TestHost, TestHostBuilder};
use crate::support::jobs::{id, program, sleep, with};
use crate::support::metrics::reached;

pub const WORKER: &str = "job-worker";

/// Longer than any test waits.
const FOR_EVER_MS: u64 = 1_000_000;

pub fn worker() -> TestHostBuilder {
    TestHost::builder().guest(WORKER)
}

/// A job that waits for its start time.
pub fn delayed() -> Value {
    with(
        program(json!({"do": "return", "value": 1})),
        json!({"delay": 3600}),
    )
}

fn value(value: Value) -> Value {
    program(json!({"do": "return", "value": value}))
}

#[track_caller]
pub fn is_refused(reply: &Reply, status: u16, fragment: &str) {
    assert_eq!(reply.status, status, "{}", reply.body);
    assert!(
        reply.error().contains(fragment),
        "{fragment:?} is not in {}",
        reply.body
    );
}

#[tokio::test]
async fn a_job_is_accepted_with_its_url_and_found_there_until_it_completes() {
    let host = worker().start().await;
    let reply = host
        .client
        .post_job(WORKER, &value(json!({"a": [1, "ä"]})))
        .await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    let job = reply.json();
    assert_eq!(
        (&job["status"], &job["type"], &job["pipeline"]),
        (&json!("pending"), &json!("program"), &json!(WORKER))
    );
    let place = reply.header("location").unwrap().to_owned();
    // Relative to the request's own path, so that it holds behind a proxy with a prefix.
    assert_eq!(place, format!("jobs/{}", id(&job)));
    let place = format!("/{WORKER}/{place}");

    let done = host.client.get(&format!("{place}?wait=60")).await.json();
    assert_eq!(
        (&done["status"], &done["result"], &done["attempt"]),
        (&json!("completed"), &json!({"a": [1, "ä"]}), &json!(1))
    );
    assert_eq!(
        (&done["error"], &done["data"]),
        (
            &Value::Null,
            &json!({"do": "return", "value": {"a": [1, "ä"]}})
        )
    );
    let times =
        ["created_at", "started_at", "completed_at"].map(|name| done[name].as_f64().unwrap());
    assert!(times.is_sorted() && times[0] > 1.7e9, "{times:?}");
    let by_the_other_path = host
        .client
        .get(&format!("/{WORKER}/job/{}", id(&job)))
        .await
        .json();
    assert_eq!(by_the_other_path, done);
}

#[tokio::test]
async fn repeated_requests_with_an_idempotency_key_create_one_job() {
    let host = worker().start().await;
    let path = format!("/{WORKER}/jobs");
    let headers = [("idempotency-key", "once".to_owned())];
    let submit = async |body: Value| {
        host.client
            .send_with("POST", &path, &headers, &body.to_string())
            .await
    };
    let first = submit(value(json!(1))).await;
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (202, None)
    );
    let again = submit(value(json!(1))).await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (202, Some("true"))
    );
    assert_eq!(id(&first.json()), id(&again.json()));
    let other = submit(value(json!(2))).await;
    is_refused(&other, 409, "use a new key");
    assert_eq!(other.json()["error"]["code"], "conflict");

    // A key in the body is the same key; the header takes precedence.
    let in_body = with(value(json!(1)), json!({"idempotency_key": "once"}));
    assert_eq!(
        id(&host.client.submit(WORKER, in_body).await),
        id(&first.json())
    );
    let both = submit(with(value(json!(1)), json!({"idempotency_key": "another"}))).await;
    is_refused(&both, 400, "differ");
    assert_eq!(host.client.jobs(WORKER, "").await.len(), 1);
    let no_text = [("idempotency-key", "ü".to_owned())];
    is_refused(
        &host
            .client
            .send_with("POST", &path, &no_text, &value(json!(1)).to_string())
            .await,
        400,
        "Idempotency-Key",
    );
}

#[tokio::test]
async fn concurrent_submissions_with_one_idempotency_key_create_one_job() {
    let host = worker().start().await;
    let body = with(value(json!(1)), json!({"idempotency_key": "once"}));
    let submitting = (0..32).map(|_| host.client.submit(WORKER, body.clone()));
    let jobs = futures_util::future::join_all(submitting).await;
    assert!(jobs.iter().all(|job| id(job) == id(&jobs[0])), "{jobs:?}");
}

#[tokio::test]
async fn a_list_is_filtered_and_paged_newest_first() {
    let host = worker().start().await;
    for number in 0..3 {
        host.client.work(WORKER, value(json!(number))).await;
    }
    let failing = with(
        program(json!({"do": "permanent", "error": "no"})),
        json!({"type": "other"}),
    );
    host.client.work(WORKER, failing).await;
    host.client.submit(WORKER, delayed()).await;

    let list = host.client.get(&format!("/{WORKER}/jobs")).await.json();
    assert_eq!(
        list["counts"],
        json!({"pending": 1, "running": 0, "completed": 3, "failed": 1, "cancelled": 0})
    );
    assert_eq!(
        (&list["object"], &list["next"]),
        (&json!("list"), &Value::Null)
    );
    let statuses: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        ["pending", "failed", "completed", "completed", "completed"]
    );

    let results = async |query: &str| -> Vec<Value> {
        host.client
            .jobs(WORKER, query)
            .await
            .into_iter()
            .map(|job| job["result"].clone())
            .collect()
    };
    assert_eq!(
        results("?status=completed").await,
        [2, 1, 0].map(Value::from)
    );
    assert_eq!(results("?status=running").await, [] as [Value; 0]);
    assert_eq!(results("?type=other").await, [Value::Null]);
    assert_eq!(
        results("?type=program&status=failed").await,
        [] as [Value; 0]
    );

    let first = host
        .client
        .get(&format!("/{WORKER}/jobs?status=completed&limit=2"))
        .await
        .json();
    let next = first["next"].as_str().unwrap();
    let second = host
        .client
        .get(&format!(
            "/{WORKER}/jobs?status=completed&limit=2&before={next}"
        ))
        .await
        .json();
    assert_eq!(
        (
            first["data"].as_array().unwrap().len(),
            second["data"][0]["result"].clone()
        ),
        (2, json!(0))
    );
    assert_eq!(
        (second["data"].as_array().unwrap().len(), &second["next"]),
        (1, &Value::Null)
    );

    for (query, fragment) in [
        (
            "?status=done",
            "pending, running, completed, failed, cancelled",
        ),
        ("?before=x", "'next' of the previous page"),
        ("?limit=-1", "the query is wrong"),
        ("?state=failed", "unknown field `state`"),
    ] {
        is_refused(
            &host.client.get(&format!("/{WORKER}/jobs{query}")).await,
            400,
            fragment,
        );
    }
}

#[tokio::test]
async fn a_job_is_visible_only_to_its_pipeline() {
    let host = worker()
        .guest_as(WORKER, "other")
        .guest("echo-relay")
        .start()
        .await;
    let job = host.client.work(WORKER, value(json!(1))).await;
    for (method, rest) in [
        ("GET", ""),
        ("GET", "?wait=60"),
        ("GET", "/events"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
    ] {
        let reply = host
            .client
            .send(method, &format!("/other/jobs/{}{rest}", id(&job)), "")
            .await;
        is_refused(&reply, 404, "has no job");
    }
    is_refused(
        &host.client.get(&format!("/{WORKER}/jobs/7")).await,
        404,
        "the id of the job is not a UUID",
    );
    is_refused(
        &host
            .client
            .get(&format!(
                "/{WORKER}/job/00000000-0000-0000-0000-000000000000"
            ))
            .await,
        404,
        "has no job",
    );
    is_refused(
        &host.client.get("/absent/jobs").await,
        404,
        "there is no pipeline 'absent'",
    );
    assert_eq!(host.client.jobs("other", "").await.len(), 0);
    is_refused(
        &host.client.post_job("absent", &value(json!(1))).await,
        404,
        "there is no pipeline 'absent'",
    );
    is_refused(
        &host.client.post_job("echo-relay", &value(json!(1))).await,
        404,
        "job-handler",
    );
}

#[tokio::test]
async fn a_submission_over_a_limit_names_it() {
    let host = worker()
        .config(
            "[jobs]\nkind_bytes_max = 8\nkey_bytes_max = 8\nattempts_max = 3\ntimeout_max = '1h'\n\
             delay_max = '2h'",
        )
        .start()
        .await;
    for (field, value, limit) in [
        ("type", json!("123456789"), "jobs.kind_bytes_max"),
        ("idempotency_key", json!("123456789"), "jobs.key_bytes_max"),
        ("max_attempts", json!(4), "jobs.attempts_max"),
        ("timeout", json!(3600.1), "jobs.timeout_max"),
        ("delay", json!(7200.1), "jobs.delay_max"),
    ] {
        let mut body = json!({"type": "x"});
        body[field] = value;
        let path = format!("/{WORKER}/jobs");
        let reply = host.client.send("POST", &path, &body.to_string()).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["param"]),
            (400, &limit.into()),
            "{}",
            reply.body
        );
        assert!(reply.error().contains(limit), "{}", reply.body);
        assert_eq!(reached(&host, limit, "").await, 1);
    }
    // The defaults stay within the limits.
    let job = host.client.submit(WORKER, json!({"type": "x"})).await;
    assert_eq!(host.client.job(&job).await["max_attempts"], 3);
}

#[tokio::test]
async fn an_invalid_submission_is_refused_with_the_reason() {
    let host = worker()
        .config("[jobs]\ndata_bytes_max = '1 KiB'")
        .start()
        .await;
    for (body, fragment) in [
        (String::new(), "the body is not a submission"),
        ("[]".to_owned(), "the body is not a submission"),
        (json!({"data": 1}).to_string(), "missing field `type`"),
        (json!({"type": "", "data": 1}).to_string(), "kind is empty"),
        (
            json!({"type": "x".repeat(1000)}).to_string(),
            "128 are allowed",
        ),
        (
            json!({"type": "x", "typo": 1}).to_string(),
            "unknown field `typo`",
        ),
        (
            json!({"type": "x", "delay": -1}).to_string(),
            "'delay' is -1: send a number of seconds",
        ),
        (
            json!({"type": "x", "delay": 1e12}).to_string(),
            "the delay must be between",
        ),
        (
            json!({"type": "x", "timeout": 0}).to_string(),
            "the timeout must be between",
        ),
        (
            json!({"type": "x", "max_attempts": 0}).to_string(),
            "the number of attempts must be between 1 and",
        ),
        (
            json!({"type": "x", "max_attempts": 1000}).to_string(),
            "the number of attempts must be between 1 and",
        ),
        (
            json!({"type": "x", "priority": 70000}).to_string(),
            "'priority' is 70000: send a whole number",
        ),
        (
            json!({"type": "x", "idempotency_key": ""}).to_string(),
            "idempotency key is empty",
        ),
        (
            json!({"type": "x", "data": "y".repeat(2000)}).to_string(),
            "1024 are allowed",
        ),
    ] {
        let reply = host
            .client
            .send("POST", &format!("/{WORKER}/jobs"), &body)
            .await;
        is_refused(&reply, 400, fragment);
    }
    assert_eq!(host.client.jobs(WORKER, "").await.len(), 0);
    assert_eq!(reached(&host, "jobs.data_bytes_max", "").await, 1);
}

#[tokio::test]
async fn a_full_queue_refuses_jobs_with_retry_after_and_accepts_them_later() {
    let host = worker()
        .guest_as(WORKER, "other")
        .config("[jobs]\npending_max = 2")
        .start()
        .await;
    let kept = [
        host.client.submit(WORKER, delayed()).await,
        host.client.submit(WORKER, delayed()).await,
    ];
    let refused = host.client.post_job(WORKER, &delayed()).await;
    is_refused(&refused, 429, "pending_max");
    assert_eq!(refused.header("retry-after"), Some("5"));
    // Only the queue of this pipeline is full.
    assert_eq!(
        host.client.work("other", value(json!(1))).await["status"],
        "completed"
    );
    host.client.of_job(&kept[0], "POST", "/cancel").await;
    assert_eq!(host.client.post_job(WORKER, &delayed()).await.status, 202);
    is_refused(
        &host.client.of_job(&kept[0], "POST", "/retry").await,
        429,
        "pending_max",
    );
}

#[tokio::test]
async fn other_methods_get_405_with_an_allow_header() {
    let host = worker().start().await;
    let job = host.client.submit(WORKER, sleep(FOR_EVER_MS)).await;
    let reply = host.client.of_job(&job, "DELETE", "").await;
    assert_eq!(
        (reply.status, reply.header("allow")),
        (405, Some("GET,HEAD")),
        "{}",
        reply.body
    );
    assert_eq!(
        host.client
            .of_job(&job, "GET", "/cancel")
            .await
            .header("allow"),
        Some("POST")
    );
}
