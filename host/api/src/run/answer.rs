//! The answer of a run: one value, a file, text as it is made, or events.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt};
use hayrick_runtime::api_output::{ApiFile, ApiOutput, Returns};
use hayrick_runtime::run_stream::RunStream;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};

use crate::body::answer_stream::{self, Encode};
use crate::body::text_answer::{EventWriter, PLAIN_TEXT, TextWriter};
use crate::edge::request_trace::RequestTrace;
use crate::error::ApiError;
use crate::sse;
use crate::wire::{accept, content_disposition, json};

/// Answers in the form that the client accepts and the plugin chose.
///
/// # Errors
/// The run failed before there was an answer.
pub(super) async fn respond(
    mut chunks: RunStream,
    headers: &HeaderMap,
    keep_alive: Duration,
    trace: Option<RequestTrace>,
) -> Result<Response, ApiError> {
    let returns = chunks.returns();
    if accept::events(headers) {
        let writer = ResultWriter { returns };
        let body = answer_stream::body(chunks, RunStream::spawn, writer, keep_alive, trace).await?;
        return Ok(sse::response(body));
    }
    let Some(first) = chunks.try_next().await? else {
        return Ok(returned(returns.take())?);
    };
    let chunks = Begun {
        first: Some(first),
        rest: chunks,
    };
    if accept::only_json(headers) {
        let text = chunks.try_fold(String::new(), async |mut text, chunk| {
            if let Chunk::Text(piece) = chunk {
                text.push_str(&piece);
            }
            Ok(text)
        });
        return Ok(result(&json::text(&text.await?)));
    }
    let body = answer_stream::body(chunks, Begun::spawn, TextWriter, keep_alive, trace).await?;
    Ok(answer_stream::response(PLAIN_TEXT, body))
}

fn returned(output: ApiOutput) -> Result<Response, Failure> {
    match output {
        ApiOutput::Value(json) => Ok(result(&json)),
        ApiOutput::Sent => Ok(result("\"\"")),
        ApiOutput::File(file) => download(file),
        ApiOutput::Vectors(_) => Err(not_an_answer()),
    }
}

/// An API cannot return vectors, so this is a bug in the host.
fn not_an_answer() -> Failure {
    let text = "the plugin returned something that is not an answer";
    Failure::new(FailureKind::Failed, text)
}

/// `{"result": …}` with a JSON document.
fn result(json: &str) -> Response {
    json::of_text(format!("{{\"result\":{json}}}"))
}

/// A plugin chose the bytes and their type, so no browser may take them for a page of this server.
fn download(file: ApiFile) -> Result<Response, Failure> {
    let media_type = HeaderValue::from_str(&file.media_type)
        .ok()
        .filter(|_| file.media_type.contains('/'))
        .ok_or_else(|| {
            let text = "the plugin returned a file whose media type is not one, such as image/png";
            Failure::new(FailureKind::Failed, text)
        })?;
    let mut response = Response::new(Body::from(file.content));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    let name = content_disposition::attachment(file.name.as_deref());
    headers.insert(CONTENT_DISPOSITION, name);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    Ok(response)
}

/// A stream of which the first chunk was read.
struct Begun {
    first: Option<Chunk>,
    rest: RunStream,
}

impl Begun {
    fn spawn(self) -> Begun {
        Begun {
            rest: self.rest.spawn(),
            ..self
        }
    }
}

impl Stream for Begun {
    type Item = Result<Chunk, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.rest.poll_next_unpin(context),
        }
    }
}

/// Writes events, and what the run returned as the last one before `done`.
struct ResultWriter {
    returns: Returns,
}

impl Encode for ResultWriter {
    fn chunk(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        EventWriter.chunk(chunk, out);
    }

    fn end(&mut self, out: &mut BytesMut) {
        match self.returns.take() {
            ApiOutput::Sent => {}
            ApiOutput::Value(json) => sse::write_event(out, "result", |out| {
                out.put_slice(b"{\"result\":");
                json::write_lines(out, &json);
                out.put_slice(b"}");
            }),
            ApiOutput::Vectors(_) => return self.fail(not_an_answer(), out),
            ApiOutput::File(_) => {
                let text = "the plugin returned a file, and events cannot carry it: ask again \
                    without 'Accept: text/event-stream'";
                return self.fail(Failure::new(FailureKind::InvalidInput, text), out);
            }
        }
        EventWriter.end(out);
    }

    fn fail(&mut self, failure: Failure, out: &mut BytesMut) {
        EventWriter.fail(failure, out);
    }

    fn keep_alive(&self) -> Option<Bytes> {
        EventWriter.keep_alive()
    }

    fn shows_failure(&self) -> bool {
        true
    }
}
