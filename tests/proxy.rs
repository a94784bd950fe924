//! Behind a proxy: who is local, and what is followed, with a real nginx in front.

use std::process::{Command, Stdio};

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::await_event::{SOON, eventually};
use crate::support::client::{Client, chat_body};
use crate::support::folder::Folder;
use crate::support::guest::leave_out;
use crate::support::host::TestHost;

/// A proxy in front of a host. It is stopped when this is dropped.
struct Nginx {
    child: std::process::Child,
    client: Client,
    _folder: Folder,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nginx {
    /// Starts it with these lines in its `location`; `None` without nginx on this machine.
    async fn start(host: &TestHost, path: &str, lines: &str) -> Option<Nginx> {
        let folder = Folder::fresh();
        // The port is free between the two programs for a moment; nothing else asks for it by name.
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let at = folder.path().display();
        let upstream = host.base_url();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log stderr;\n\
             events {{}}\n\
             http {{ access_log off; client_body_temp_path {at}/b; proxy_temp_path {at}/p;\n\
             fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
             server {{ listen 127.0.0.1:{port};\n\
             location {path} {{ proxy_pass {upstream}/; proxy_http_version 1.1; {lines} }} }} }}"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            leave_out("the cases behind nginx: install nginx (Debian: nginx-light)");
            return None;
        };
        let nginx = Nginx {
            child,
            client: Client::new(&format!("http://127.0.0.1:{port}")),
            _folder: folder,
        };
        eventually("nginx listens", SOON, async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Some(nginx)
    }
}

const FORWARDS: &str = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";

#[tokio::test]
async fn a_request_that_a_proxy_passed_on_is_not_local() {
    let host = TestHost::builder().guest("echo-relay").start().await;
    let Some(nginx) = Nginx::start(&host, "/", FORWARDS).await else {
        return;
    };
    for path in ["/metrics", "/status", "/v1/models"] {
        assert_eq!(host.client.get(path).await.status, 200, "{path}");
        let reply = nginx.client.get(path).await;
        assert_eq!(reply.status, 401, "{path}: {}", reply.body);
        assert!(reply.error().contains("trusted_proxies"), "{}", reply.body);
    }
    for (name, value) in [
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("via", "1.1 proxy"),
    ] {
        let headers = [(name, value)];
        let reply = host.client.request("GET", "/metrics", &headers, "").await;
        assert_eq!(reply.status(), 401, "{name}");
    }
    // Probes need nothing.
    assert_eq!(nginx.client.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_trusted_proxy_says_who_is_local_and_what_a_client_wrote_before_does_not_count() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config("[server]\ntrusted_proxies = ['127.0.0.1']")
        .start()
        .await;
    let Some(nginx) = Nginx::start(&host, "/", FORWARDS).await else {
        return;
    };
    assert_eq!(nginx.client.get("/metrics").await.status, 200);
    let streamed = nginx.client.stream("echo-relay", "echo:a b c").await;
    assert_eq!({ streamed }.rest_text().await, "a b c");
    // nginx appends the peer's address, which is local, to what the client wrote.
    let forged = [("forwarded", "for=192.0.2.1")];
    let reply = nginx.client.request("GET", "/metrics", &forged, "").await;
    assert_eq!(reply.status(), 401);
    let Some(foreign) = Nginx::start(
        &host,
        "/",
        "proxy_set_header X-Forwarded-For \"$http_x_forwarded_for, 192.0.2.1\";",
    )
    .await
    else {
        return;
    };
    for claim in ["127.0.0.1", "::1", "127.0.0.1, 127.0.0.1"] {
        let forged = [("x-forwarded-for", claim)];
        let reply = foreign.client.request("GET", "/metrics", &forged, "").await;
        assert_eq!(reply.status(), 401, "{claim}");
    }
}

#[tokio::test]
async fn what_a_response_points_to_can_be_followed_below_a_prefix() {
    let host = TestHost::builder()
        .guest("job-worker")
        .config("[server]\ntrusted_proxies = ['127.0.0.0/8']")
        .start()
        .await;
    let named = format!("{FORWARDS} proxy_set_header X-Forwarded-Prefix /hayrick;");
    for lines in [FORWARDS, named.as_str()] {
        let Some(nginx) = Nginx::start(&host, "/hayrick/", lines).await else {
            return;
        };
        let body = json!({"type": "program", "data": {"do": "return", "value": 1}}).to_string();
        for path in ["/hayrick/job-worker/jobs", "/hayrick/job-worker/jobs/"] {
            let reply = nginx.client.send("POST", path, &body).await;
            assert_eq!(reply.status, 202, "{}", reply.body);
            let base = reqwest::Url::parse(&format!("http://h{path}")).unwrap();
            let job = base.join(reply.header("location").unwrap()).unwrap();
            let found = nginx.client.get(job.path()).await;
            assert_eq!(found.status, 200, "{job}: {}", found.body);
        }
        let document = nginx.client.get("/hayrick/openapi.json").await.json();
        let base = reqwest::Url::parse("http://h/hayrick/openapi.json").unwrap();
        let server = base.join(document["servers"][0]["url"].as_str().unwrap());
        assert_eq!(server.unwrap().path(), "/hayrick/");
    }
}

#[tokio::test]
async fn a_key_works_through_any_proxy() {
    let host = TestHost::builder().guest("echo-relay").start().await;
    let Some(nginx) = Nginx::start(&host, "/", FORWARDS).await else {
        return;
    };
    let key = host.create_key(&["--scope", "invoke"]).await.key;
    let body = chat_body("echo-relay", "echo:hi").to_string();
    let headers = [("authorization", format!("Bearer {key}"))];
    let path = "/v1/chat/completions";
    let reply = nginx.client.send_with("POST", path, &headers, &body).await;
    assert_eq!(reply.text(), "hi", "{}", reply.body);
}
