//! Replays the seeds of the fuzz targets that need a whole host: they are answered, and the host
//! keeps serving.
//!
//! The seeds for parsers are replayed next to the parsers, in host/services.

use std::path::Path;

use reqwest::Method;

use crate::support::client::Client;
use crate::support::command::hayrick;
use crate::support::folder::Folder;
use crate::support::host::TestHost;
use crate::support::source::root;

/// The seeds of a target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = root().join("tests/fuzz/seeds").join(target);
    let read = |path: &Path| (path.display().to_string(), std::fs::read(path).unwrap());
    let mut seeds: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| read(&entry.unwrap().path()))
        .collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "{target} has no seeds");
    seeds
}

async fn post(client: &Client, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
    let reply = client
        .try_send(Method::POST, path, &[("content-type", kind)], body)
        .await
        .unwrap();
    (reply.status, reply.body)
}

/// The host itself never fails, whatever a client or a plugin sends.
fn check(seed: &str, (status, body): (u16, String)) {
    assert!(!body.contains("the host failed"), "{seed}: {status} {body}");
    assert!(
        status < 500 && (status < 400 || body.contains("\"message\":")),
        "{seed}: {status} {body}"
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn fuzz_seeds_of_forms_and_bodies_are_answered() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .guest("files-echo")
        .guest("job-worker")
        .start()
        .await;
    for (seed, bytes) in seeds("multipart") {
        let form = bytes.get(1..).unwrap_or_default().to_vec();
        check(
            &seed,
            post(
                &host.client,
                "/files-echo/files",
                "multipart/form-data; boundary=B",
                form,
            )
            .await,
        );
    }
    for (seed, bytes) in seeds("http_body") {
        let Some((route, body)) = bytes.split_first() else {
            continue;
        };
        let path = if route % 2 == 0 {
            "/v1/chat/completions"
        } else {
            "/job-worker/jobs"
        };
        check(
            &seed,
            post(&host.client, path, "application/json", body.to_vec()).await,
        );
    }
    assert_eq!(host.client.get("/health/ready").await.status, 200);
}

#[tokio::test]
async fn the_host_survives_calls_of_every_host_function() {
    let host = TestHost::builder().guest("any-calls").start().await;
    for (seed, bytes) in seeds("host_functions") {
        let Some((_, calls)) = bytes.split_first() else {
            continue;
        };
        let calls = hex(calls);
        let chat = format!(
            r#"{{"model":"any-calls","messages":[{{"role":"user","content":"{calls}"}}]}}"#
        );
        check(
            &seed,
            post(
                &host.client,
                "/v1/chat/completions",
                "application/json",
                chat.into_bytes(),
            )
            .await,
        );
        let part = |head: &str, content: &str| {
            format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
        };
        let form = part("name=\"a\"; filename=\"a.txt\"", "some text")
            + &part("name=\"calls\"", &calls)
            + "--B--\r\n";
        check(
            &seed,
            post(
                &host.client,
                "/any-calls/files",
                "multipart/form-data; boundary=B",
                form.into_bytes(),
            )
            .await,
        );
        let job = format!(r#"{{"type":"calls","data":"{calls}","max_attempts":1}}"#);
        check(
            &seed,
            post(
                &host.client,
                "/any-calls/jobs",
                "application/json",
                job.into_bytes(),
            )
            .await,
        );
    }
    host.is_idle("any-calls").await;
    assert_eq!(host.client.get("/health/ready").await.status, 200);
}

#[test]
fn files_that_are_not_plugins_are_refused_with_a_reason() {
    let folder = Folder::fresh();
    let path = folder.path().join("candidate.wasm");
    let raw = seeds("loader")
        .into_iter()
        .filter(|(_, bytes)| bytes.first().is_none_or(|kind| kind % 4 == 0));
    for (seed, bytes) in raw {
        std::fs::write(&path, bytes.get(1..).unwrap_or_default()).unwrap();
        let ended = hayrick(&["inspect", path.to_str().unwrap()]);
        assert!(
            ended.code.is_some_and(|code| code != 101) && !ended.stderr.contains("panicked"),
            "{seed}: {ended:?}"
        );
    }
}
