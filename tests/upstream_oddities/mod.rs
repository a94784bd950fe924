//! The oddities of real model servers: one table, which is also `docs/upstreams.md`.

mod table;

use std::fmt::Write;

use serde_json::{Value, json};

use self::table::{Expected, ODDITIES, Oddity, Place};
use crate::support::client::{chat_body, stream_body};
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::TestHost;
use crate::support::pages::check_page;

const PAGE: &str = "docs/upstreams.md";

const INTRODUCTION: &str = "\
# Model servers and their oddities

An upstream is a server that speaks OpenAI's chat API. Few speak it exactly. This page lists what
servers do differently, and what Hayrick does with it. Each row is a case of the test
`upstream_oddities::every_oddity_is_read_as_this_page_says`, streamed and whole, so it stays true.
The page is generated from `tests/upstream_oddities/table.rs`.

Three rules hold for all of them:

- **An error is never an answer.** Whatever form a server gives its error, the client gets a failure
  with the server's words, and the next fallback is asked while no token has left.
- **The finish reason ends an answer**, whether or not the connection does. The usage may follow
  within a second.
- **What changes no meaning is read.** The first byte of a body says what it is, not its label;
  spaces, empty lines and comments are skipped.

The failures before the first token, and those that break an answer, count in `/metrics`
(`hayrick_upstream_failures`) and in `GET /status`.

| server | sends | Hayrick |
|---|---|---|
";

const REFUSALS: &str = "
## Refusals

| answer | Hayrick |
|---|---|
| 429, 500 to 599, a connection that fails | asks again, as `retries_max` allows, then the fallbacks; `Retry-After` is kept, as seconds or as a date |
| 429 with `insufficient_quota`, `billing_hard_limit_reached` or `billing_not_active`; 402 | does not ask again: the next fallback at once |
| 422, or 400 that names `stream_options` (Mistral, older servers) | asks once more without `stream_options`, and remembers it; the usage is then unknown |
| 400, 413, 422 otherwise | the request is wrong: no fallback is asked |
| 401, 403 | the host's key is wrong: the next fallback |
| `Content-Encoding: gzip` or `deflate`, although the host asks for `identity` | decompressed, within the same limits |
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for row in ODDITIES {
        let cell = |text: &str| text.replace('|', "\\|");
        let (servers, sends, does) = (cell(row.servers), cell(row.sends), cell(row.does));
        writeln!(page, "| {servers} | {sends} | {does} |").unwrap();
    }
    page + REFUSALS
}

#[test]
fn the_upstreams_page_is_up_to_date() {
    check_page(PAGE, &page());
}

async fn host_over(behaviours: Vec<Behaviour>) -> (TestHost, FakeUpstream) {
    let upstream = FakeUpstream::start_sequence(behaviours).await;
    let section = format!(
        "[upstreams.fake]\nbase_url = '{}'\nmodel = 'm'\nretries_max = 0\n\
         breaker_failures = 1000\n",
        upstream.base_url()
    );
    let host = TestHost::builder().guest("echo-relay").config(&section);
    (host.start().await, upstream)
}

/// An answer, streamed or whole, in one form.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    text: String,
    reasoning: String,
    calls: Vec<(String, String, String)>,
    finish: String,
    error: String,
    /// Members beside those that every answer has, and where they stand.
    others: Vec<(Place, String, Value)>,
}

/// Puts a piece of a member to what has come of it, as the clients of OpenAI do.
fn join(known: &mut Value, piece: Value) {
    match (known, piece) {
        (Value::Array(known), Value::Array(piece)) => {
            for item in piece {
                let index = item.get("index");
                let same = |known: &&mut Value| index.is_some() && known.get("index") == index;
                match known.iter_mut().find(same) {
                    Some(known) => join(known, item),
                    None => known.push(item),
                }
            }
        }
        (Value::Object(known), Value::Object(piece)) => {
            for (name, value) in piece {
                join(known.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::String(known), Value::String(piece)) if *known != piece => known.push_str(&piece),
        (known, piece) => *known = piece,
    }
}

impl Seen {
    /// Keeps the members of an answer, or of one event of it; those of the answer may come once.
    fn keep(&mut self, answer: &Value) {
        const KNOWN: [&str; 8] = [
            "id",
            "object",
            "created",
            "model",
            "choices",
            "usage",
            "error",
            "system_fingerprint",
        ];
        self.add(Place::Answer, answer, &KNOWN);
        for choice in answer["choices"].as_array().into_iter().flatten() {
            const KNOWN: [&str; 4] = ["index", "delta", "message", "finish_reason"];
            self.add(Place::Choice, choice, &KNOWN);
            let message = choice.get("delta").unwrap_or(&choice["message"]);
            const OF_MESSAGE: [&str; 5] = [
                "role",
                "content",
                "refusal",
                "reasoning_content",
                "tool_calls",
            ];
            self.add(Place::Message, message, &OF_MESSAGE);
        }
    }

    fn add(&mut self, place: Place, object: &Value, known: &[&str]) {
        let members = object.as_object().into_iter().flatten();
        let others = members.filter(|(name, value)| !known.contains(&&***name) && !value.is_null());
        for (name, value) in others {
            let before = self
                .others
                .iter_mut()
                .find(|it| (it.0, &it.1) == (place, name));
            match before {
                Some(_) if place == Place::Answer => panic!("{name} comes twice"),
                Some((.., known)) => join(known, value.clone()),
                None => self.others.push((place, name.clone(), value.clone())),
            }
        }
    }

    fn take(&mut self, choice: &Value) {
        let message = choice.get("delta").unwrap_or(&choice["message"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.text += &text(&message["content"]);
        self.reasoning += &text(&message["reasoning_content"]);
        self.finish += &text(&choice["finish_reason"]);
        for (place, call) in message["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let index = call["index"].as_u64().map_or(place, |index| index as usize);
            if self.calls.len() <= index {
                self.calls.resize(index + 1, Default::default());
            }
            let known = &mut self.calls[index];
            known.0 += &text(&call["id"]);
            known.1 += &text(&call["function"]["name"]);
            known.2 += &text(&call["function"]["arguments"]);
        }
    }

    fn check(&self, row: &Oddity, way: &str) {
        let (servers, sends) = (row.servers, row.sends);
        let context = format!("{servers}, {way}: {sends}\n{self:?}");
        if let Expected::Fails(words) = row.expected {
            assert!(self.error.contains(words), "not '{words}': {context}");
            return;
        }
        assert_eq!(self.error, "", "{context}");
        let expected = match row.expected {
            Expected::Says(text) => (text, "", "stop"),
            Expected::Thinks(reasoning, text) => (text, reasoning, "stop"),
            Expected::Ends(text, finish) => (text, "", finish),
            Expected::Adds(text, ..) => (text, "", "stop"),
            Expected::Calls(_) | Expected::Fails(_) => ("", "", "tool_calls"),
        };
        let others = match row.expected {
            Expected::Adds(_, place, name, json) => {
                vec![(place, name.to_owned(), serde_json::from_str(json).unwrap())]
            }
            _ => Vec::new(),
        };
        assert_eq!(self.others, others, "{context}");
        let found = (&*self.text, &*self.reasoning, &*self.finish);
        assert_eq!(found, expected, "{context}");
        if let Expected::Calls(calls) = row.expected {
            let found: Vec<_> = self
                .calls
                .iter()
                .map(|(id, name, arguments)| (&**id, &**name, &**arguments))
                .collect();
            assert_eq!(found, calls, "{context}");
        }
    }
}

async fn streamed(host: &TestHost, text: &str) -> Seen {
    let reply = host
        .client
        .chat_with(&stream_body("echo-relay", text))
        .await;
    let mut seen = Seen::default();
    if reply.status != 200 {
        seen.error = reply.error();
        return seen;
    }
    for event in reply
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("data: {"))
    {
        let event: Value = serde_json::from_str(&format!("{{{event}")).unwrap();
        seen.keep(&event);
        seen.error += event["error"]["message"].as_str().unwrap_or_default();
        event["choices"]
            .as_array()
            .into_iter()
            .flatten()
            .for_each(|choice| seen.take(choice));
    }
    seen
}

async fn whole(host: &TestHost, text: &str) -> Seen {
    let reply = host.client.chat_with(&chat_body("echo-relay", text)).await;
    let mut seen = Seen::default();
    if reply.status == 200 {
        seen.keep(&reply.json());
        seen.take(&reply.json()["choices"][0]);
    } else {
        seen.error = reply.error();
    }
    seen
}

#[tokio::test]
async fn every_oddity_is_read_as_this_page_says() {
    let behaviours = ODDITIES.iter().flat_map(|row| {
        let behaviour = Behaviour::Raw {
            content_type: row.content_type,
            pieces: vec![row.body.to_owned()],
        };
        std::iter::repeat_n(behaviour, 3)
    });
    let (host, _upstream) = host_over(behaviours.collect()).await;
    for row in ODDITIES {
        streamed(&host, "relay:x").await.check(row, "relayed");
        streamed(&host, "forward:x").await.check(row, "forwarded");
        whole(&host, "forward:x").await.check(row, "whole");
    }
}

fn bytes(headers: &'static str, body: Vec<u8>, lingers: bool) -> Behaviour {
    Behaviour::Bytes {
        headers,
        body,
        lingers,
    }
}

fn answer(text: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n\
         data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n"
    )
}

#[tokio::test]
async fn an_answer_that_was_compressed_unasked_is_read() {
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let headers = "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n";
    let unknown = "Content-Type: text/event-stream\r\nContent-Encoding: br\r\n";
    let behaviours = vec![
        bytes(headers, gzip(&answer("Hi")), false),
        bytes(headers, answer("not gzip").into_bytes(), false),
        bytes(unknown, Vec::new(), false),
    ];
    let (host, upstream) = host_over(behaviours).await;
    assert_eq!(streamed(&host, "relay:x").await.text, "Hi");
    let asked = upstream.request().await.headers.to_lowercase();
    assert!(asked.contains("accept-encoding: identity"), "{asked}");
    let error = streamed(&host, "relay:x").await.error;
    assert!(error.contains("cannot be decompressed"), "{error}");
    let error = streamed(&host, "relay:x").await.error;
    assert!(error.contains("compressed its answer as 'br'"), "{error}");
}

#[tokio::test]
async fn an_event_of_megabytes_is_passed_on() {
    let image = "A".repeat(5 << 20);
    let body = answer(&image).into_bytes();
    let headers = "Content-Type: text/event-stream\r\n";
    let (host, _upstream) = host_over(vec![bytes(headers, body, false)]).await;
    for way in ["relay:x", "forward:x"] {
        let seen = streamed(&host, way).await;
        assert_eq!((seen.text.len(), &*seen.error), (image.len(), ""), "{way}");
    }
}

#[tokio::test]
async fn the_finish_reason_ends_an_answer_whose_connection_stays_open() {
    let headers = "Content-Type: text/event-stream\r\n";
    let endless = bytes(headers, answer("Hi").into_bytes(), true);
    let upstream = FakeUpstream::start(endless).await;
    let section = format!(
        "[upstreams.fake]\nbase_url = '{}'\nmodel = 'm'\n",
        upstream.base_url()
    );
    let builder = TestHost::builder().guest("echo-relay").config(&section);
    let host = builder.alone().start().await;
    for way in ["relay:x", "forward:x"] {
        let watch = host.stopwatch();
        let seen = streamed(&host, way).await;
        assert_eq!(
            (&*seen.text, &*seen.finish, &*seen.error),
            ("Hi", "stop", "")
        );
        let took = watch.elapsed();
        assert!(took.as_millis() < 2500, "{way}: {took:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_refuses_stream_options_is_asked_without_them_from_then_on() {
    let refusal = Behaviour::Status {
        code: 422,
        retry_after: None,
    };
    let (host, upstream) = host_over(vec![refusal, Behaviour::Ok]).await;
    for _ in 0..2 {
        assert_eq!(whole(&host, "forward:x").await.text, "Hello from upstream");
    }
    let asked: Vec<bool> = upstream
        .requests()
        .iter()
        .map(|request| request.body.contains("stream_options"))
        .collect();
    assert_eq!(asked, [true, false, false]);
}

#[tokio::test]
async fn an_account_without_quota_is_not_asked_again_and_its_fallback_answers() {
    let body = json!({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}});
    let text = body.to_string();
    let exhausted = Behaviour::Refusal {
        code: 429,
        body: text,
    };
    let (first, second) = (
        FakeUpstream::start(exhausted).await,
        FakeUpstream::start(Behaviour::Ok).await,
    );
    let section = format!(
        "default_upstream = 'a'\n[upstreams.a]\nbase_url = '{}'\nmodel = 'm'\nfallbacks = ['b']\n\
         [upstreams.b]\nbase_url = '{}'\nmodel = 'm'\n",
        first.base_url(),
        second.base_url()
    );
    let host = TestHost::builder()
        .guest("echo-relay")
        .top(&section)
        .start()
        .await;
    assert_eq!(
        streamed(&host, "forward:x").await.text,
        "Hello from upstream"
    );
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_fallback_steps_in_until_the_first_token_has_left() {
    let raw = |text: &str| Behaviour::Raw {
        content_type: "text/event-stream",
        pieces: vec![text.to_owned()],
    };
    let broken = [
        raw("data: {\"error\":{\"message\":\"no\"}}\n\n"),
        raw(""),
        raw(": waiting\n\n"),
        raw("data: [DONE]\n\n"),
        Behaviour::HangUp,
        Behaviour::NeverAToken,
    ];
    for behaviour in broken {
        let (first, second) = (
            FakeUpstream::start(behaviour.clone()).await,
            FakeUpstream::start(Behaviour::Ok).await,
        );
        let section = format!(
            "default_upstream = 'a'\n[upstreams.a]\nbase_url = '{}'\nmodel = 'm'\nfallbacks = ['b']\n\
             retries_max = 0\nfirst_token_timeout = '300ms'\n\
             [upstreams.b]\nbase_url = '{}'\nmodel = 'm'\n",
            first.base_url(),
            second.base_url()
        );
        let host = TestHost::builder()
            .guest("echo-relay")
            .top(&section)
            .start()
            .await;
        for way in ["relay:x", "forward:x"] {
            let seen = streamed(&host, way).await;
            assert_eq!(seen.text, "Hello from upstream", "{behaviour:?} {way}");
        }
    }
}

#[tokio::test]
async fn answers_that_break_off_are_counted() {
    let (host, _upstream) = host_over(vec![Behaviour::Cut]).await;
    for _ in 0..3 {
        assert_ne!(streamed(&host, "relay:x").await.error, "");
    }
    let metrics = host.client.get("/metrics").await.body;
    let line = "hayrick_upstream_failures_total{upstream=\"fake\"} 3";
    assert!(metrics.contains(line), "{metrics}");
    let status = host.client.get("/status").await.json();
    assert_eq!(status["upstreams"][0]["failures"], 3, "{status}");
}

#[tokio::test]
async fn a_client_hears_from_the_host_while_an_upstream_thinks() {
    let upstream = FakeUpstream::start(Behaviour::NeverAToken).await;
    let section = format!(
        "[server]\nkeep_alive_interval = '200ms'\n[upstreams.fake]\nbase_url = '{}'\n\
         model = 'm'\nretries_max = 0\nfirst_token_timeout = '1s'\n",
        upstream.base_url()
    );
    let host = TestHost::builder()
        .guest("echo-relay")
        .config(&section)
        .start()
        .await;
    let reply = host
        .client
        .chat_with(&stream_body("echo-relay", "forward:x"))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let comments = reply
        .body
        .lines()
        .filter(|line| line.starts_with(':'))
        .count();
    assert!(comments >= 2, "{}", reply.body);
    assert!(
        reply.body.contains("sent no token within 1s"),
        "{}",
        reply.body
    );
}
