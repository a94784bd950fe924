//! An HTTP client that trusts nothing: whatever the server does is recorded and never causes a
//! panic.

use std::sync::Once;
use std::time::Duration;

use axum::body::Bytes;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::frames::Frames;

/// Bytes of a body to keep; the rest is only counted.
const KEPT_BYTES: usize = 8 << 20;
static TLS: Once = Once::new();

/// A client for one server.
#[derive(Clone)]
pub struct Client {
    url: String,
    api_key: Option<String>,
    http: reqwest::Client,
}

/// What a client saw of a response.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// 0 if the server sent no response.
    pub status: u16,
    /// The text of a successful answer.
    pub text: String,
    pub error: Option<String>,
    /// Violations of the protocol in the response.
    pub faults: Vec<String>,
    pub bytes: u64,
}

impl Seen {
    /// A summary in one line.
    pub fn summary(&self) -> String {
        let text = self.error.as_deref().unwrap_or(&self.text);
        let text: String = text
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(110)
            .collect();
        format!("{} {text}", self.status)
    }

    fn broken(fault: impl Into<String>) -> Seen {
        Seen {
            faults: vec![fault.into()],
            ..Seen::default()
        }
    }
}

/// The body of a chat request.
fn body(pipeline: &str, text: &str, stream: bool) -> Value {
    json!({"model": pipeline, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

impl Client {
    /// The server's URL, and the key for it.
    pub fn server(&self) -> (String, Option<String>) {
        (self.url.clone(), self.api_key.clone())
    }

    /// A client of the server at `url`.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(url: &str, api_key: Option<String>) -> Result<Client, String> {
        TLS.call_once(|| {
            // Another client in this process may have installed it already.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let http = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Client {
            url: url.to_owned(),
            api_key,
            http,
        })
    }

    /// Starts a request.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().unwrap_or(reqwest::Method::GET);
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends a GET request and returns the status and the JSON, or null if the body is not JSON.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let seen = json_of(self.request("GET", path).timeout(Duration::from_secs(30))).await;
        seen.unwrap_or((0, Value::Null))
    }

    /// Sends a chat and reads the whole answer.
    pub async fn chat(&self, pipeline: &str, text: &str, patience: Duration) -> Seen {
        let body = body(pipeline, text, false).to_string();
        self.send_chat(body.into(), patience).await
    }

    /// Sends the body of a chat and reads the whole answer.
    pub async fn send_chat(&self, body: Bytes, patience: Duration) -> Seen {
        let request = self
            .request("POST", "/v1/chat/completions")
            .header("content-type", "application/json")
            .body(body);
        whole(request, patience, |json| {
            json["choices"][0]["message"]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .await
    }

    /// Sends a chat and reads its stream to the end.
    pub async fn stream(&self, pipeline: &str, text: &str, patience: Duration) -> Seen {
        let read = async {
            let mut response = match self.open_stream(pipeline, text).await {
                Ok(response) => response,
                Err(seen) => return seen,
            };
            let mut frames = Frames::default();
            let mut bytes = 0;
            loop {
                match response.chunk().await {
                    Ok(Some(piece)) => {
                        bytes += piece.len() as u64;
                        frames.push(&piece);
                    }
                    Ok(None) => break frames.end(),
                    Err(error) => {
                        break frames.faults.push(format!("the stream broke off: {error}"));
                    }
                }
            }
            Seen {
                status: 200,
                text: frames.text,
                error: frames.error,
                faults: frames.faults,
                bytes,
            }
        };
        tokio::time::timeout(patience, read)
            .await
            .unwrap_or_else(|_| endless())
    }

    /// Opens a stream and returns it once the headers have arrived.
    ///
    /// # Errors
    /// What the client saw instead.
    pub async fn open_stream(&self, pipeline: &str, text: &str) -> Result<Response, Seen> {
        let sent = self
            .request("POST", "/v1/chat/completions")
            .header("content-type", "application/json")
            .body(body(pipeline, text, true).to_string())
            .send()
            .await;
        let response = sent.map_err(|error| Seen::broken(format!("no response: {error}")))?;
        if response.status() == 200 {
            return Ok(response);
        }
        Err(read(response, |_| String::new()).await)
    }

    /// Sends a form of files.
    pub async fn files(
        &self,
        pipeline: &str,
        form: Vec<u8>,
        content_type: &str,
        patience: Duration,
    ) -> Seen {
        let request = self
            .request("POST", &format!("/{pipeline}/files"))
            .header("content-type", content_type)
            .body(form);
        let sent = async {
            match request.send().await {
                Ok(response) if response.status() == 200 => text(response).await,
                Ok(response) => read(response, |_| String::new()).await,
                Err(error) => Seen::broken(format!("no response: {error}")),
            }
        };
        tokio::time::timeout(patience, sent)
            .await
            .unwrap_or_else(|_| endless())
    }

    /// Submits a job and waits for its end; the text is the job as JSON.
    pub async fn job(&self, pipeline: &str, patience: Duration) -> Seen {
        let submission = json!({"type": "hostile", "data": 1, "max_attempts": 2, "timeout": patience.as_secs_f64().min(60.0) / 4.0});
        let work = async {
            let submitted = json_of(
                self.request("POST", &format!("/{pipeline}/jobs"))
                    .header("content-type", "application/json")
                    .body(submission.to_string()),
            )
            .await;
            let (status, job) = match submitted {
                Ok(submitted) => submitted,
                Err(fault) => return Seen::broken(fault),
            };
            let Some(id) = job["id"].as_str().filter(|_| status == 202) else {
                return Seen {
                    status,
                    error: Some(job.to_string()),
                    ..Seen::default()
                };
            };
            loop {
                let (status, job) =
                    match json_of(self.request("GET", &format!("/{pipeline}/jobs/{id}?wait=10")))
                        .await
                    {
                        Ok(found) => found,
                        Err(fault) => return Seen::broken(fault),
                    };
                if !matches!(job["status"].as_str(), Some("pending" | "running")) {
                    let error = job["error"]
                        .as_str()
                        .filter(|_| job["status"] != "completed")
                        .map(str::to_owned);
                    let text = job.to_string();
                    return Seen {
                        status,
                        bytes: text.len() as u64,
                        text,
                        error,
                        faults: Vec::new(),
                    };
                }
            }
        };
        tokio::time::timeout(patience, work)
            .await
            .unwrap_or_else(|_| endless())
    }
}

/// An attack that outlasted the client's patience.
fn endless() -> Seen {
    Seen::broken("it does not end")
}

/// Reads a whole JSON answer that contains the text.
async fn whole(
    request: RequestBuilder,
    patience: Duration,
    text: impl FnOnce(&Value) -> String,
) -> Seen {
    let sent = async {
        match request.send().await {
            Ok(response) => read(response, text).await,
            Err(error) => Seen::broken(format!("no response: {error}")),
        }
    };
    tokio::time::timeout(patience, sent)
        .await
        .unwrap_or_else(|_| endless())
}

async fn json_of(request: RequestBuilder) -> Result<(u16, Value), String> {
    let response = request
        .send()
        .await
        .map_err(|error| format!("no response: {error}"))?;
    let status = response.status().as_u16();
    let (body, _, broken) = body_of(response).await;
    match broken {
        Some(broken) => Err(broken),
        None => Ok((
            status,
            serde_json::from_slice(&body)
                .map_err(|error| format!("{status}: the body is not JSON: {error}"))?,
        )),
    }
}

/// Reads a JSON response and the error in it, if there is one.
async fn read(response: Response, text: impl FnOnce(&Value) -> String) -> Seen {
    let status = response.status().as_u16();
    let mut faults = forged_headers(&response);
    let (body, bytes, broken) = body_of(response).await;
    faults.extend(broken);
    // A body that was not kept in full cannot be parsed.
    if bytes > KEPT_BYTES as u64 {
        return Seen {
            status,
            faults,
            bytes,
            ..Seen::default()
        };
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_else(|error| {
        faults.push(format!("the body is not JSON: {error}"));
        Value::Null
    });
    let error = json["error"]["message"].as_str().map(str::to_owned);
    if status == 200 {
        let is_right = json["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("chatcmpl-"))
            && json["object"] == "chat.completion";
        if !is_right && faults.is_empty() {
            faults.push("the answer's own fields were replaced".to_owned());
        }
    }
    Seen {
        status,
        text: text(&json),
        error,
        faults,
        bytes,
    }
}

/// Reads a text response.
async fn text(response: Response) -> Seen {
    let status = response.status().as_u16();
    let faults = forged_headers(&response);
    let (body, bytes, broken) = body_of(response).await;
    // The response to a form breaks off to signal a failure.
    Seen {
        status,
        text: String::from_utf8_lossy(&body).into_owned(),
        error: broken,
        faults,
        bytes,
    }
}

async fn body_of(mut response: Response) -> (Vec<u8>, u64, Option<String>) {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                bytes += piece.len() as u64;
                if kept.len() < KEPT_BYTES {
                    kept.extend_from_slice(&piece);
                }
            }
            Ok(None) => return (kept, bytes, None),
            Err(error) => return (kept, bytes, Some(format!("the body broke off: {error}"))),
        }
    }
}

fn forged_headers(response: &Response) -> Vec<String> {
    let forged = ["x-forged", "set-cookie"]
        .into_iter()
        .filter(|name| response.headers().contains_key(*name));
    forged
        .map(|name| format!("the guest forged a header: {name}"))
        .collect()
}
