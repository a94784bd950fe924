//! File uploads: what plugins receive, every limit, and that nothing stays on disk or in memory.

use std::convert::Infallible;

use futures_util::{StreamExt, stream};
use reqwest::Body;
use serde_json::{Value, json};

use crate::support::await_event::{SOON, eventually};
use crate::support::client::Reply;
use crate::support::form::{Event, Form, content_type, end, upload, upload_for_events};
use crate::support::host::TestHost;
use crate::support::metrics::reached;
use crate::support::process::{forget_peak, open_files, peak_memory};
use crate::support::raw_client::RawClient;
use crate::support::report::say;

/// Headers in front of a body.
type Headers<'a> = &'a [(&'a str, &'a str)];

const NO_FORM: [(&str, &str); 1] = [("content-type", "application/json")];

/// The raw request of a form that announces `length` bytes and sends only the first ones.
fn request(pipeline: &str, length: usize, form: &str) -> String {
    let kind = content_type();
    format!(
        "POST /{pipeline}/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{form}"
    )
}

fn text(form: Vec<u8>) -> String {
    String::from_utf8(form).unwrap()
}

fn fnv1a(content: &[u8]) -> String {
    let hash = content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

/// Waits until no upload is on disk.
async fn spool_is_empty(host: &TestHost) {
    let spool = host.data_path("spool");
    eventually("no file is open", SOON, async || {
        open_files(host.pid(), &spool).is_empty().then_some(())
    })
    .await;
    assert_eq!(
        std::fs::read_dir(&spool).unwrap().count(),
        0,
        "a named file would outlive a killed process"
    );
}

async fn file_arrives(host: &TestHost) {
    let spool = host.data_path("spool");
    eventually("a file arrives", SOON, async || {
        (!open_files(host.pid(), &spool).is_empty()).then_some(())
    })
    .await;
}

async fn runs_of(host: &TestHost, pipeline: &str) -> Value {
    host.client.get(&format!("/{pipeline}/tasks")).await.json()["counts"].clone()
}

#[track_caller]
fn is_refusal(reply: &Reply, status: u16, fragment: &str) {
    assert_eq!(reply.status, status, "{fragment}: {}", reply.body);
    assert!(
        reply.error().contains(fragment),
        "{fragment}: {}",
        reply.body
    );
}

#[tokio::test]
async fn files_read_concurrently_arrive_complete_with_names_and_fields() {
    let host = TestHost::builder().guest("files-echo").start().await;
    let names = ["a.txt", "b/c.bin", "..\\d.dat", "ü 🌾.txt", ".."];
    let contents: Vec<Vec<u8>> = (0..names.len())
        .map(|seed| {
            (0..300_000 * seed)
                .map(|at| (at * (seed + 7) / 3) as u8)
                .collect()
        })
        .collect();
    let form = names
        .iter()
        .zip(&contents)
        .fold(Form::default().field("k", "1"), |form, (name, content)| {
            form.file(name, content)
        });
    let reply = upload(
        &host.client,
        "files-echo",
        form.field("k", "two\nlines").field("empty", ""),
    )
    .await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("text/plain; charset=utf-8")),
        "{}",
        reply.body
    );
    let mut lines = reply
        .body
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    for (name, content) in ["a.txt", "c.bin", "d.dat", "ü 🌾.txt", "file"]
        .iter()
        .zip(&contents)
    {
        let (size, fnv1a) = (content.len(), fnv1a(content));
        let expected = json!({"name": name, "content_type": "text/plain", "size": size, "bytes_read": size, "fnv1a": fnv1a});
        assert_eq!(lines.next().unwrap(), expected);
    }
    assert_eq!(
        lines.next().unwrap()["fields"],
        json!([["k", "1"], ["k", "two\nlines"], ["empty", ""]])
    );
    spool_is_empty(&host).await;
}

#[tokio::test]
async fn the_answer_is_text_or_events_as_requested() {
    let host = TestHost::builder().guest("files-script").start().await;
    let form = Form::default().field("do", "talk").file("a", "1");
    assert_eq!(
        upload(&host.client, "files-script", form.clone())
            .await
            .body,
        "a line\n\nand one more"
    );
    let events: Vec<(String, Value)> = upload_for_events(&host.client, "files-script", form)
        .await
        .into_iter()
        .map(|event| (event.name, event.data))
        .collect();
    let expected = [
        ("reasoning", json!({"text": "hm"})),
        ("text", json!({"text": "a line\n\nand one more"})),
        ("event", json!({"type": "status", "data": {"done": true}})),
        ("fields", json!({"extra": 1})),
        ("done", json!({})),
    ];
    assert_eq!(events, expected.map(|(name, data)| (name.to_owned(), data)));
}

#[tokio::test]
async fn a_failure_sets_the_status_before_the_first_chunk_and_aborts_the_answer_after_it() {
    let host = TestHost::builder().guest("files-script").start().await;
    let form = |verb: &str| Form::default().field("do", verb).file("a", "1");
    let refused = upload(&host.client, "files-script", form("refuse")).await;
    is_refusal(&refused, 400, "set the field 'do' to refuse");

    let whole = text(form("fail").closed());
    let broken = RawClient::send(
        host.address(),
        &request("files-script", whole.len(), &whole),
    )
    .await
    .read_to_end()
    .await;
    assert!(
        broken.contains("200 OK")
            && broken.contains("so far")
            && broken.contains("the rest is unavailable"),
        "{broken}"
    );
    assert!(
        !broken.ends_with("0\r\n\r\n"),
        "an aborted answer ends like a complete one: {broken}"
    );

    let events = upload_for_events(&host.client, "files-script", form("fail")).await;
    assert_eq!(
        events[0],
        Event {
            name: "text".to_owned(),
            data: json!({"text": "so far"})
        }
    );
    let (last, message) = (events.last().unwrap(), json!("the rest is unavailable"));
    assert_eq!(
        (last.name.as_str(), &last.data["error"]["message"]),
        ("error", &message),
        "{events:?}"
    );
    assert_eq!(runs_of(&host, "files-script").await["error"], 3);
    spool_is_empty(&host).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_its_files_and_ends_the_run() {
    let host = TestHost::builder().guest("files-script").start().await;
    let form = text(
        Form::default()
            .field("do", "wait")
            .file("a", "1".repeat(100_000))
            .closed(),
    );
    let mut client =
        RawClient::send(host.address(), &request("files-script", form.len(), &form)).await;
    client.read_until("so far").await;
    file_arrives(&host).await;
    assert_eq!(runs_of(&host, "files-script").await["processing"], 1);
    drop(client);
    host.is_idle("files-script").await;
    spool_is_empty(&host).await;
    let counts = runs_of(&host, "files-script").await;
    assert_eq!(
        (&counts["cancelled"], &counts["processing"]),
        (&1.into(), &0.into()),
        "{counts}"
    );
}

#[tokio::test]
async fn an_incomplete_upload_leaves_no_files() {
    let host = TestHost::builder().guest("files-echo").start().await;
    let form = text(
        Form::default()
            .file("whole", "1".repeat(50_000))
            .file("half", "2".repeat(50_000))
            .open(),
    );
    let client = RawClient::send(host.address(), &request("files-echo", 1_000_000, &form)).await;
    file_arrives(&host).await;
    drop(client);
    spool_is_empty(&host).await;
    let counts = runs_of(&host, "files-echo").await;
    assert!(
        ["started", "processing", "completed"]
            .iter()
            .all(|status| counts[status] == 0),
        "{counts}"
    );
    assert_eq!(
        upload(&host.client, "files-echo", Form::default().file("a", "1"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_stalled_client_is_sent_the_reason() {
    let host = TestHost::builder()
        .guest("files-echo")
        .config("[server]\nupload_stall_timeout = '300ms'")
        .start()
        .await;
    let form = text(Form::default().file("half", "1".repeat(1000)).open());
    let answer = RawClient::send(host.address(), &request("files-echo", 1_000_000, &form))
        .await
        .read_to_end()
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 408")
            && answer.contains("no part of the body came for 300 ms (upload_stall_timeout)"),
        "{answer}"
    );
    spool_is_empty(&host).await;
}

#[tokio::test]
async fn each_upload_limit_has_its_status_and_name() {
    let limits = "files_max = 3\nfile_bytes_max = '100 KiB'\nupload_bytes_max = '250 KiB'\nfields_max = 2\nfield_bytes_max = '1 KiB'";
    let host = TestHost::builder()
        .guest("files-echo")
        .config(&format!("[server]\n{limits}"))
        .start()
        .await;
    let file = |form: Form, bytes: usize| form.file("a", "x".repeat(bytes));
    let (one, kib) = (Form::default().file("a", "1"), 1 << 10);
    let within = file(file(one.clone(), 100 * kib), 100 * kib)
        .field("k", &"x".repeat(kib))
        .field("k", "");
    assert_eq!(upload(&host.client, "files-echo", within).await.status, 200);
    let cases = [
        (
            one.clone().file("b", "").file("c", "").file("d", ""),
            413,
            "files_max",
        ),
        (file(Form::default(), 100 * kib + 1), 413, "file_bytes_max"),
        (
            file(file(file(Form::default(), 90 * kib), 90 * kib), 90 * kib),
            413,
            "upload_bytes_max",
        ),
        (
            one.clone().field("k", "").field("l", "").field("m", ""),
            413,
            "fields_max",
        ),
        (
            one.clone().field("k", &"x".repeat(kib + 1)),
            413,
            "field_bytes_max",
        ),
        (Form::default().file(&"n".repeat(256), ""), 400, "255 bytes"),
        (Form::default().field("k", "1"), 400, "no file"),
        (Form::default(), 400, "form"),
    ];
    for (form, status, fragment) in cases {
        is_refusal(
            &upload(&host.client, "files-echo", form).await,
            status,
            fragment,
        );
    }
    for limit in [
        "files_max",
        "file_bytes_max",
        "upload_bytes_max",
        "fields_max",
        "field_bytes_max",
    ] {
        assert_eq!(reached(&host, limit, "").await, 1, "{limit}");
    }
    let counts = runs_of(&host, "files-echo").await;
    assert_eq!(
        (&counts["completed"], &counts["error"]),
        (&1.into(), &0.into()),
        "a refused upload was counted as a run: {counts}"
    );
    spool_is_empty(&host).await;
}

#[tokio::test]
async fn a_client_that_is_still_uploading_can_read_the_refusal() {
    let host = TestHost::builder()
        .guest("files-echo")
        .config("[server]\nfile_bytes_max = '1 MiB'")
        .start()
        .await;
    for _ in 0..5 {
        is_refusal(
            &send_long(&host, "files-echo", 64 << 20).await,
            413,
            "file_bytes_max",
        );
    }
    spool_is_empty(&host).await;
}

#[tokio::test]
async fn bodies_that_are_not_forms_are_refused() {
    let host = TestHost::builder().guest("files-echo").start().await;
    let kind = content_type();
    let cases: [(Headers<'_>, &str, &str); 4] = [
        (&NO_FORM, "{}", "multipart/form-data"),
        (
            &[("content-type", "multipart/form-data")],
            "--hay--\r\n",
            "multipart/form-data",
        ),
        (&[], "hello", "multipart/form-data"),
        (&[("content-type", &kind)], "hello", "broke off"),
    ];
    for (headers, body, fragment) in cases {
        let response = host
            .client
            .request("POST", "/files-echo/files", headers, body)
            .await;
        is_refusal(&Reply::read(response).await, 400, fragment);
    }
}

#[tokio::test]
async fn uploads_to_a_pipeline_without_file_support_are_refused_early() {
    let host = TestHost::builder().guest("echo-relay").start().await;
    for (pipeline, fragment) in [
        ("echo-relay", "does not"),
        ("absent", "there is no pipeline"),
    ] {
        let expecting = request(pipeline, 1 << 30, "").replacen(
            "\r\n\r\n",
            "\r\nExpect: 100-continue\r\n\r\n",
            1,
        );
        for head in [request(pipeline, 1 << 30, ""), expecting] {
            let answer = RawClient::send(host.address(), &head)
                .await
                .read_to_end()
                .await;
            assert!(
                answer.starts_with("HTTP/1.1 404") && answer.contains(fragment),
                "{pipeline}: {answer}"
            );
        }
    }
    assert_eq!(host.client.get("/echo-relay/files").await.status, 405);
}

#[tokio::test]
async fn a_plugin_may_ignore_its_files() {
    let host = TestHost::builder().guest("files-forgets").start().await;
    let reply = upload(
        &host.client,
        "files-forgets",
        Form::default().file("a", "1").file("b", vec![0; 200_000]),
    )
    .await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "forgot 2 files"));
    spool_is_empty(&host).await;
}

#[tokio::test]
async fn a_gigabyte_upload_needs_little_memory() {
    // An unoptimised host needs seconds of CPU time for a gigabyte, and more on a busy machine.
    let limits = "cpu_time_max = '120s'";
    let host = TestHost::builder()
        .plugin("enhanced-async-pipeline")
        .limits(limits)
        .alone()
        .start()
        .await;
    upload(
        &host.client,
        "enhanced-async-pipeline",
        Form::default().file("small", "1"),
    )
    .await;
    forget_peak(host.pid());
    let (idle, begun, bytes) = (peak_memory(host.pid()), host.stopwatch(), 1 << 30);
    let reply = send_long(&host, "enhanced-async-pipeline", bytes).await;
    assert!(
        reply.body.ends_with(&format!("✓ long ({bytes} bytes)")),
        "{}",
        reply.body
    );
    let (peak, took) = (peak_memory(host.pid()), begun.elapsed());
    let speed = bytes as f64 / 1e6 / took.as_secs_f64();
    say(&format!(
        "a file of 1 GiB, received and read in {took:.1?}, {speed:.0} MB/s: memory {} MiB at most, {} MiB before",
        peak >> 20,
        idle >> 20
    ));
    assert!(
        peak < idle + (64 << 20),
        "the file was held in memory: {idle} bytes before, {peak} at most"
    );
    spool_is_empty(&host).await;
}

/// Sends a form with one file of this length, generated while it is sent.
async fn send_long(host: &TestHost, pipeline: &str, bytes: usize) -> Reply {
    static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];
    // The line break belongs to the form.
    let mut begin = Form::default().file("long", "").open();
    begin.truncate(begin.len() - 2);
    let content = stream::repeat(PIECE.as_slice()).take(bytes / PIECE.len());
    let pieces = stream::iter([begin])
        .chain(content.map(<[u8]>::to_vec))
        .chain(stream::iter([format!("\r\n{}", end()).into_bytes()]));
    let body = Body::wrap_stream(pieces.map(Ok::<_, Infallible>));
    let path = format!("/{pipeline}/files");
    Reply::read(
        host.client
            .request("POST", &path, &[("content-type", &*content_type())], body)
            .await,
    )
    .await
}

#[tokio::test]
async fn the_enhanced_pipeline_reports_its_work_line_by_line() {
    let host = TestHost::builder()
        .plugin("enhanced-async-pipeline")
        .start()
        .await;
    let form = Form::default()
        .file("a.txt", "hello")
        .file("ü.txt", "")
        .file("long.bin", vec![0; 200_000]);
    let reply = upload(&host.client, "enhanced-async-pipeline", form).await;
    let lines = "Processing 3 files...\n\nProcessed 3 files successfully\n✓ a.txt (5 bytes)\n✓ ü.txt (0 bytes)\n✓ long.bin (200000 bytes)";
    assert_eq!((reply.status, reply.body.as_str()), (200, lines));
    let task = host
        .client
        .get(&format!(
            "/enhanced-async-pipeline/tasks/{}",
            reply.header("x-hayrick-run").unwrap()
        ))
        .await
        .json();
    assert_eq!(
        (&task["kind"], &task["files"], &task["progress"]["done"]),
        (&"files".into(), &3.into(), &3.into()),
        "{task}"
    );
}
