//! `POST /{pipeline}/run`: inputs of every form, answers of every kind, and schemas of strangers.

use serde_json::{Value, json};

use crate::support::client::Reply;
use crate::support::form::{Form, content_type, events_of};
use crate::support::guest::guest_bytes;
use crate::support::host::TestHost;
use crate::support::metrics::reached;

const URLENCODED: &str = "application/x-www-form-urlencoded";

async fn host() -> TestHost {
    TestHost::builder().guest("api-script").start().await
}

async fn post(host: &TestHost, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Reply {
    let sent = host
        .client
        .request("POST", "/api-script/run", headers, body)
        .await;
    Reply::read(sent).await
}

async fn run(host: &TestHost, input: &Value) -> Reply {
    let json = [("content-type", "application/json")];
    post(host, &json, input.to_string()).await
}

#[tokio::test]
async fn every_form_of_an_input_reaches_the_plugin_as_its_schema_says() {
    let host = host().await;
    let input = json!({"do": "echo", "text": "5", "n": 7, "list": [1, 2]});
    let expected =
        |input: &Value| json!({"input": input, "files": [], "headers": ["x-request-id"]});
    let reply = run(&host, &input).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.json(), json!({"result": expected(&input)}));
    assert!(reply.header("x-hayrick-run").is_some());

    let form = "do=echo&text=5&n=7&list=1&list=2";
    let reply = post(&host, &[("content-type", URLENCODED)], form).await;
    assert_eq!(
        reply.json(),
        json!({"result": expected(&input)}),
        "{}",
        reply.body
    );
    // `curl -d '{…}'` without a header.
    let reply = post(&host, &[("content-type", URLENCODED)], input.to_string()).await;
    assert_eq!(
        reply.json(),
        json!({"result": expected(&input)}),
        "{}",
        reply.body
    );
    let reply = post(&host, &[], input.to_string()).await;
    assert_eq!(
        reply.json(),
        json!({"result": expected(&input)}),
        "{}",
        reply.body
    );

    let form = Form::default()
        .field("do", "echo")
        .field("node", r#"{"next": {"value": 3}}"#)
        .file("a.txt", "one")
        .file("b.txt", "two");
    let kind = content_type();
    let reply = post(&host, &[("content-type", &kind)], form.closed()).await;
    let result = &reply.json()["result"];
    let files = json!([{"name": "a.txt", "content": "one"}, {"name": "b.txt", "content": "two"}]);
    let input = json!({"do": "echo", "node": {"next": {"value": 3}}, "files": ["a.txt", "b.txt"]});
    assert_eq!(
        (&result["input"], &result["files"]),
        (&input, &files),
        "{}",
        reply.body
    );
    // Without a file, a form is a form.
    let form = Form::default().field("do", "echo").closed();
    let reply = post(&host, &[("content-type", &kind)], form).await;
    assert_eq!(reply.json()["result"]["input"], json!({"do": "echo"}));
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named_at_once() {
    let host = host().await;
    let long = "x".repeat(101);
    let input = json!({"n": "secret-value", "list": [1, "b"], "text": long});
    let reply = run(&host, &input).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
    let body = reply.json();
    let mut found: Vec<_> = body["detail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["loc"])
        .collect();
    found.sort_by_key(|loc| loc.to_string());
    let expected = [
        json!(["body", "do"]),
        json!(["body", "list", "1"]),
        json!(["body", "n"]),
        json!(["body", "text"]),
    ];
    assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{body}");
    assert_eq!(body["error"]["code"], "invalid_input");
    assert_eq!(body["error"]["type"], "invalid_request_error");
    let message = reply.error();
    for part in ["do: is missing", "n: it is not of type", "/openapi.json"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("secret-value"), "{message}");
}

#[tokio::test]
async fn what_is_not_an_input_is_refused_with_the_cure() {
    let host = host().await;
    let json = ("content-type", "application/json");
    let deep = format!(r#"{{"do": {}1{}}}"#, "[".repeat(200), "]".repeat(200));
    for (header, body, status, words) in [
        (json, "{", 400, "not JSON"),
        (json, "[]", 422, "the input: it is not of type \"object\""),
        (json, "", 422, "do: is missing"),
        (json, &deep, 400, "json_depth_max"),
        (("content-type", "image/png"), "x", 415, "application/json"),
        (
            ("content-type", URLENCODED),
            "do=echo&n=1&n=2",
            400,
            "'n' 2 times",
        ),
        (
            ("content-type", "multipart/form-data"),
            "x",
            400,
            "boundary",
        ),
    ] {
        let reply = post(&host, &[header], body.to_owned()).await;
        assert_eq!(reply.status, status, "{body:?}: {}", reply.body);
        assert!(reply.error().contains(words), "{body:?}: {}", reply.body);
    }
    let reply = host.client.send("POST", "/nobody/run", "{}").await;
    assert_eq!(
        (reply.status, reply.error().contains("nobody")),
        (404, true)
    );
    let answer = host.client.get("/api-script/run").await;
    assert_eq!(answer.status, 405, "{}", answer.body);
}

#[tokio::test]
async fn a_pipeline_without_an_api_says_so() {
    let host = TestHost::builder().guest("files-echo").start().await;
    let reply = host.client.send("POST", "/files-echo/run", "{}").await;
    assert_eq!(reply.status, 404);
    assert!(reply.error().contains("has no API"), "{}", reply.body);
}

#[tokio::test]
async fn a_streamed_answer_is_text_events_or_json_as_the_client_asks() {
    let host = host().await;
    let body = json!({"do": "stream"}).to_string();
    let json = ("content-type", "application/json");
    let reply = post(&host, &[json], body.clone()).await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(reply.body, "one two");
    let reply = post(&host, &[json, ("accept", "application/json")], body.clone()).await;
    assert_eq!(reply.json(), json!({"result": "one two"}));
    let accept = ("accept", "text/event-stream");
    let events = events_of(&post(&host, &[json, accept], body).await);
    let names: Vec<_> = events.iter().map(|event| &*event.name).collect();
    assert_eq!(names, ["text", "text", "done"]);
    let body = json!({"do": "echo"}).to_string();
    let events = events_of(&post(&host, &[json, accept], body).await);
    assert_eq!(events[0].name, "result");
    assert_eq!(events[0].data["result"]["input"], json!({"do": "echo"}));
    let body = json!({"do": "fail"}).to_string();
    let reply = post(&host, &[json, accept], body).await;
    assert_eq!(reply.status, 404, "{}", reply.body);
    let body = json!({"do": "file"}).to_string();
    let events = events_of(&post(&host, &[json, accept], body).await);
    assert_eq!(events.last().unwrap().name, "error", "{events:?}");
}

#[tokio::test]
async fn a_file_is_a_download_that_no_browser_shows() {
    let host = host().await;
    let body = json!({"do": "file"}).to_string();
    let json = [("content-type", "application/json")];
    let reply = host
        .client
        .request("POST", "/api-script/run", &json, body)
        .await;
    let header = |name: &str| reply.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/png");
    let disposition = "attachment; filename=\"p_xel.png\"; filename*=UTF-8''p%C3%AFxel.png";
    assert_eq!(header("content-disposition"), disposition);
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "sandbox");
    assert_eq!(reply.bytes().await.unwrap()[..], [0, 159, 146, 150]);
    for media_type in ["png", "image/png\r\nx: y"] {
        let reply = run(&host, &json!({"do": "file", "text": media_type})).await;
        assert_eq!(reply.status, 500, "{media_type:?}");
        assert!(reply.error().contains("media type"), "{}", reply.body);
    }
}

#[tokio::test]
async fn failures_and_broken_rules_of_a_plugin_are_errors() {
    let host = host().await;
    for (what, status, words) in [("fail", 404, "no such thing"), ("text", 500, "not JSON")] {
        let reply = run(&host, &json!({"do": what})).await;
        assert_eq!(
            (reply.status, reply.error().contains(words)),
            (status, true),
            "{}",
            reply.body
        );
    }
    let accept = [
        ("content-type", "application/json"),
        ("accept", "text/event-stream"),
    ];
    let events = events_of(&post(&host, &accept, json!({"do": "both"}).to_string()).await);
    let last = events.last().unwrap();
    assert_eq!(last.name, "error");
    assert!(
        last.data.to_string().contains("must return 'sent'"),
        "{last:?}"
    );
    let reply = run(&host, &json!({"do": "nothing"})).await;
    assert_eq!(reply.json(), json!({"result": ""}));
    let tasks = host.client.get("/api-script/tasks?kind=api").await.json();
    assert_eq!(tasks["counts"]["completed"], 1, "{tasks}");
    assert_eq!(tasks["counts"]["error"], 3, "{tasks}");
}

#[tokio::test]
async fn a_value_longer_than_the_output_may_be_fails_by_the_limit() {
    let host = TestHost::builder()
        .guest("api-script")
        .limits("output_bytes_max = 60")
        .start()
        .await;
    assert_eq!(run(&host, &json!({"do": "stream"})).await.body, "one two");
    let reply = run(&host, &json!({"do": "echo", "text": "x".repeat(60)})).await;
    assert_eq!(reply.status, 500, "{}", reply.body);
    assert!(reply.error().contains("output_bytes_max"), "{}", reply.body);
}

#[tokio::test]
async fn each_api_is_a_path_of_the_document_with_its_schemas() {
    let host = TestHost::builder()
        .guest("api-script")
        .guest("files-echo")
        .start()
        .await;
    let document = host.client.get("/openapi.json").await.json();
    let operation = &document["paths"]["/api-script/run"]["post"];
    assert_eq!(operation["summary"], "A script");
    assert_eq!(operation["description"], "Does what it is told.");
    let input = &document["components"]["schemas"]["api-script.input"];
    assert_eq!(input["required"], json!(["do"]));
    let node = &input["properties"]["node"]["$ref"];
    assert_eq!(node, "#/components/schemas/api-script.input/$defs/node");
    let found = document.pointer(node.as_str().unwrap().trim_start_matches('#'));
    assert!(found.is_some(), "{node} leads nowhere");
    let taken = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(taken, "#/components/schemas/api-script.input");
    assert!(document["paths"].get("/files-echo/run").is_none());
}

/// The reason why a component with this schema is refused; empty if it serves.
async fn refusal(host: &TestHost, schema: &Value) -> String {
    padded_refusal(host, schema, 0).await
}

/// The same, with spaces behind the schema.
async fn padded_refusal(host: &TestHost, schema: &Value, pad: usize) -> String {
    let config = json!({"schema": schema.to_string(), "pad": pad.to_string()});
    let policy = toml::to_string(&json!({"config": config})).unwrap();
    std::fs::write(host.policy_file("api-describes"), policy).unwrap();
    let component = guest_bytes("api-describes");
    let reply = host.client.deploy("api-describes", component).await;
    match reply.status {
        200 | 201 => String::new(),
        _ => reply.error(),
    }
}

#[tokio::test]
async fn a_schema_that_could_harm_the_host_is_refused_at_the_deploy() {
    let host = TestHost::builder().alone().start().await;
    let object = json!({"type": "object"});
    assert_eq!(refusal(&host, &object).await, "");
    let doubling = json!({"properties": {"x": {"$ref": "#"}}});
    let fields = |fields: Value| {
        let mut schema = object.clone();
        schema
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        schema
    };
    for (schema, reason) in [
        (json!("x"), "schema of its input"),
        (json!({"type": "string"}), "must be \"object\""),
        (
            fields(json!({"properties": {"a": {"$ref": "http://169.254.169.254/"}}})),
            "leads nowhere",
        ),
        (
            fields(json!({"properties": {"a": {"$ref": "file:///etc/passwd"}}})),
            "leads nowhere",
        ),
        (
            fields(json!({"allOf": [doubling, doubling]})),
            "(schema_visits_max)",
        ),
        (
            fields(json!({"allOf": [{"$ref": "#"}]})),
            "refers to itself",
        ),
        (
            fields(json!({"properties": {"a": {"pattern": "(a{1000}){1000}"}}})),
            "regular expression",
        ),
        (
            fields(json!({"properties": {"a": {"type": "thing"}}})),
            "schema of its input",
        ),
    ] {
        let found = refusal(&host, &schema).await;
        assert!(found.contains(reason), "{reason}: {found:.400}");
    }
    let patterns: Vec<_> = (0..65)
        .map(|place| json!({"pattern": place.to_string()}))
        .collect();
    let found = refusal(&host, &fields(json!({"anyOf": patterns}))).await;
    assert!(found.contains("schema_patterns_max"), "{found:.400}");
    let found = padded_refusal(&host, &object, 64 << 10).await;
    assert!(found.contains("schema_bytes_max"), "{found:.400}");
    for name in [
        "schema_patterns_max",
        "schema_visits_max",
        "schema_bytes_max",
    ] {
        assert!(reached(&host, name, "").await >= 1, "{name}");
    }
    // A pattern that takes a backtracking engine forever.
    let slow = fields(json!({"properties": {"a": {"pattern": "^(a+)+$"}}}));
    assert_eq!(refusal(&host, &slow).await, "");
    let watch = host.stopwatch();
    let input = json!({"a": format!("{}b", "a".repeat(5000))}).to_string();
    let reply = host.client.send("POST", "/api-describes/run", &input).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
    assert!(watch.elapsed().as_secs() < 5);
}

#[tokio::test]
async fn the_docs_page_needs_nothing_from_elsewhere() {
    let host = host().await;
    let reply = host.client.get("/docs").await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = reply.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!reply.body.contains("http://") && !reply.body.contains("https://"));
}

#[tokio::test]
async fn the_values_of_a_long_input_count_as_bytes_of_its_client() {
    let host = TestHost::builder()
        .guest("api-script")
        .config("[server]\nclient_bodies_bytes_max = '8 MiB'")
        .start()
        .await;
    let of = |count: usize| json!({"do": "nothing", "list": vec![1; count]}).to_string();
    let json = [("content-type", "application/json")];
    let reply = post(&host, &json, of(50_000)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    for path in ["/api-script/run", "/v1/embeddings", "/v1/completions"] {
        let reply = host.client.send("POST", path, &of(200_000)).await;
        assert_eq!(reply.status, 429, "{path}: {}", reply.body);
        let message = reply.error();
        assert!(message.contains("client_bodies_bytes_max"), "{message}");
    }
}
