//! An HTTP client that records the whole response: status, headers, body, and the arrival time of
//! each frame of a stream.

use std::sync::Once;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Body, Method, Response};
use serde_json::{Value, json};

use super::await_event::within;

/// No answer in a test takes longer unless something hangs.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
static TLS: Once = Once::new();

/// A client of one host.
#[derive(Clone)]
pub struct Client {
    base_url: String,
    http: reqwest::Client,
}

/// A complete response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// One frame of a stream.
#[derive(Debug, Clone)]
pub struct Frame {
    /// When the frame was read.
    pub at: Instant,
    /// `null` for `[DONE]`.
    pub json: Value,
}

/// A streamed answer that is being read.
#[derive(Debug)]
pub struct Frames {
    pub headers: HeaderMap,
    response: Response,
    unread: Vec<u8>,
}

/// The body of a chat request with one user message.
pub fn chat_body(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// The same, streamed.
pub fn stream_body(model: &str, text: &str) -> Value {
    let mut body = chat_body(model, text);
    body["stream"] = Value::Bool(true);
    body
}

impl Client {
    /// A client of the host at `base_url`.
    pub fn new(base_url: &str) -> Client {
        TLS.call_once(|| {
            // Another test in this process may have installed it.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let http = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .build()
            .unwrap();
        Client {
            base_url: base_url.to_owned(),
            http,
        }
    }

    /// Sends a request with these headers and returns when the response headers have arrived.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response {
        let request = self
            .http
            .request(method.parse().unwrap(), format!("{}{path}", self.base_url));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        within(path, ANSWER_DEADLINE, request.body(body).send())
            .await
            .unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// Sends a request with a JSON body and further headers, and returns when the response headers
    /// have arrived.
    pub async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> Response {
        let headers: Vec<(&str, &str)> = JSON
            .into_iter()
            .chain(headers.iter().map(|(name, value)| (*name, value.as_str())))
            .collect();
        self.request(method, path, &headers, body.to_owned()).await
    }

    /// Sends a request with a JSON body.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        Reply::read(self.open(method, path, &[], body).await).await
    }

    /// Sends a request with further headers.
    pub async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> Reply {
        Reply::read(self.open(method, path, headers, body).await).await
    }

    /// Sends a request to a host that may not be running or may die.
    ///
    /// # Errors
    /// The response is incomplete.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> reqwest::Result<Reply> {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .timeout(ANSWER_DEADLINE)
            .body(body);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Reply {
            status,
            headers,
            body: response.text().await?,
        })
    }

    /// Deploys a component.
    pub async fn deploy(&self, name: &str, component: Vec<u8>) -> Reply {
        Reply::read(
            self.request("POST", &format!("/deploy/{name}"), &[], component)
                .await,
        )
        .await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "").await
    }

    /// Sends a chat request with this body; the answer is not streamed.
    pub async fn chat_with(&self, body: &Value) -> Reply {
        self.send("POST", "/v1/chat/completions", &body.to_string())
            .await
    }

    /// Sends one user message; the answer is not streamed.
    pub async fn chat(&self, model: &str, text: &str) -> Reply {
        self.chat_with(&chat_body(model, text)).await
    }

    /// Sends a chat request with this body and streams the answer.
    ///
    /// # Panics
    /// The answer is not a stream.
    pub async fn stream_with(&self, body: &Value) -> Frames {
        let response = self
            .request("POST", "/v1/chat/completions", &JSON, body.to_string())
            .await;
        let is_stream = response
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if !is_stream {
            panic!("no stream: {:?}", Reply::read(response).await);
        }
        Frames {
            headers: response.headers().clone(),
            response,
            unread: Vec::new(),
        }
    }

    /// Sends one user message and streams the answer.
    pub async fn stream(&self, model: &str, text: &str) -> Frames {
        self.stream_with(&stream_body(model, text)).await
    }

    /// `/status/{name}`; `None` if there is no such pipeline.
    pub async fn status(&self, name: &str) -> Option<Value> {
        let reply = self.get(&format!("/status/{name}")).await;
        (reply.status == 200).then(|| reply.json())
    }
}

impl Reply {
    /// Reads the whole response.
    ///
    /// # Panics
    /// The body is incomplete.
    pub async fn read(response: Response) -> Reply {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = within("the whole body", ANSWER_DEADLINE, response.bytes())
            .await
            .unwrap();
        Reply {
            status,
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The text of a chat answer.
    ///
    /// # Panics
    /// It is an error.
    pub fn text(&self) -> String {
        let text = self.json()["choices"][0]["message"]["content"]
            .as_str()
            .map(str::to_owned);
        text.unwrap_or_else(|| panic!("no text in {}: {}", self.status, self.body))
    }

    /// The message of OpenAI's error object.
    ///
    /// # Panics
    /// It is not an error.
    pub fn error(&self) -> String {
        let message = self.json()["error"]["message"].as_str().map(str::to_owned);
        message.unwrap_or_else(|| panic!("no error in {}: {}", self.status, self.body))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Frame {
    /// Whether it is `[DONE]`.
    pub fn is_done(&self) -> bool {
        self.json.is_null()
    }

    /// The text it adds.
    pub fn text(&self) -> &str {
        self.json["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap_or_default()
    }

    /// The message, if it is an error frame.
    pub fn error(&self) -> Option<&str> {
        self.json["error"]["message"].as_str()
    }
}

impl Frames {
    /// The next frame; `None` at the end of the body.
    ///
    /// # Panics
    /// The body is incomplete, or a frame is invalid.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take_frame() {
                return Some(frame);
            }
            let piece = within("more of the stream", ANSWER_DEADLINE, self.response.chunk()).await;
            self.unread.extend(piece.expect("the body is incomplete")?);
        }
    }

    /// The next frame that adds text.
    ///
    /// # Panics
    /// There is no such frame.
    pub async fn next_text(&mut self) -> Frame {
        loop {
            let frame = self.next().await.expect("the stream ended before its text");
            if !frame.text().is_empty() {
                return frame;
            }
        }
    }

    fn take_frame(&mut self) -> Option<Frame> {
        let end = self.unread.windows(2).position(|pair| pair == b"\n\n")?;
        let event: Vec<u8> = self.unread.drain(..end + 2).collect();
        let event = String::from_utf8(event).unwrap();
        match event.strip_prefix("data: ").map(str::trim_end) {
            // A comment only keeps the connection alive.
            None if event.starts_with(':') => self.take_frame(),
            None => panic!("no frame: {event:?}"),
            Some("[DONE]") => Some(Frame {
                at: Instant::now(),
                json: Value::Null,
            }),
            Some(data) => Some(Frame {
                at: Instant::now(),
                json: serde_json::from_str(data).unwrap(),
            }),
        }
    }

    /// The rest of the stream.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// The rest of the text.
    ///
    /// # Panics
    /// The stream ended with an error.
    pub async fn rest_text(&mut self) -> String {
        let frames = self.rest().await;
        assert!(
            frames.last().is_some_and(Frame::is_done),
            "the stream did not end with [DONE]: {:?}",
            frames.last()
        );
        text_of(&frames)
    }

    /// The error frame that ends the stream.
    ///
    /// # Panics
    /// There is no such frame.
    pub async fn rest_error(&mut self) -> String {
        let frames = self.rest().await;
        let error = frames.iter().find_map(Frame::error).map(str::to_owned);
        error.unwrap_or_else(|| panic!("no error frame; the last one is {:?}", frames.last()))
    }
}

/// The text of frames.
pub fn text_of(frames: &[Frame]) -> String {
    frames.iter().map(Frame::text).collect()
}
