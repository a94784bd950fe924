//! Reads one upstream's answer, chunk by chunk, only as fast as its caller.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hayrick_types::chunk::{Chunk, FinishReason, Usage};
use hayrick_types::failure::Failure;
use reqwest::Response;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::llm::breaker::Trial;
use crate::llm::cache::Recorder;
use crate::llm::failure::{Reporter, is_breakdown};
use crate::llm::openai::response::{EventSummary, Fault, decode};
use crate::llm::sse::Decoder;

/// How long to wait for the end of the body once the answer is complete: a body that was read to its
/// end leaves its connection to the next request.
const DRAIN_MAX: Duration = Duration::from_millis(20);

/// What bounds an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadLimits {
    pub(crate) first_token_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) event_bytes_max: usize,
    pub(crate) answer_bytes_max: usize,
}

/// An answer whose headers have come. Dropping it closes the connection and gives the place back.
pub(crate) struct Reading {
    response: Response,
    body: Body,
    /// Chunks of the last event that were not returned yet.
    pending: VecDeque<Chunk>,
    /// Returned last: some upstreams send a running count with every event.
    usage: Option<Usage>,
    has_finish: bool,
    has_ended: bool,
    has_token: bool,
    /// How much longer the next bytes may take. Only waiting counts, not the time a slow caller
    /// takes between two calls.
    patience: Duration,
    limits: ReadLimits,
    bytes: usize,
    reporter: Arc<Reporter>,
    trial: Option<Trial>,
    recorder: Option<Recorder>,
    _place: Arc<OwnedSemaphorePermit>,
}

enum Body {
    Events(Decoder),
    /// An upstream that does not stream sends one JSON document.
    Document(Vec<u8>),
}

impl Reading {
    /// Takes over a response; `waited` is the part of the first-token timeout that its headers took.
    ///
    /// # Errors
    /// Its content type is not a model's.
    pub(crate) fn new(
        response: Response,
        trial: Trial,
        place: Arc<OwnedSemaphorePermit>,
        reporter: Arc<Reporter>,
        limits: ReadLimits,
        waited: Duration,
    ) -> Result<Reading, Failure> {
        Ok(Reading {
            body: body_of(&response, &reporter, limits.event_bytes_max)?,
            response,
            pending: VecDeque::new(),
            usage: None,
            has_finish: false,
            has_ended: false,
            has_token: false,
            patience: limits.first_token_timeout.saturating_sub(waited),
            limits,
            bytes: 0,
            reporter,
            trial: Some(trial),
            recorder: None,
            _place: place,
        })
    }

    /// Records the answer for the cache.
    pub(crate) fn record(&mut self, recorder: Option<Recorder>) {
        self.recorder = recorder;
    }

    /// Waits for the first chunk and keeps it.
    ///
    /// # Errors
    /// As [`Reading::next`].
    pub(crate) async fn await_first(&mut self) -> Result<(), Failure> {
        let filled = self.fill().await;
        filled.map_err(|failure| self.judge(failure))
    }

    /// The next chunk; `None` at the end. Do not call it again after the end or a failure.
    ///
    /// # Errors
    /// The upstream stalled, broke off, or sent an error, an invalid event or more than the limits
    /// allow.
    pub(crate) async fn next(&mut self) -> Result<Option<Chunk>, Failure> {
        let next = match self.fill().await {
            Ok(()) => self.take_chunk(),
            Err(failure) => Err(failure),
        };
        match next {
            Ok(None) => {
                self.conclude().await;
                Ok(None)
            }
            Ok(chunk) => Ok(chunk),
            Err(failure) => Err(self.judge(failure)),
        }
    }

    /// Reads until there is a chunk to return, or none will come.
    async fn fill(&mut self) -> Result<(), Failure> {
        while self.pending.is_empty() && !self.has_ended {
            if let Body::Events(decoder) = &mut self.body {
                let event = decoder
                    .next()
                    .map_err(|_| self.reporter.event_too_long(self.limits.event_bytes_max))?;
                if let Some(data) = event {
                    if data == b"[DONE]" {
                        self.end();
                    } else {
                        let seen = decode(data, &mut self.pending)
                            .map_err(|fault| explain(&self.reporter, fault))?;
                        self.note(seen);
                    }
                    continue;
                }
            }
            self.read().await?;
        }
        Ok(())
    }

    /// Reads one piece of the body, or its end.
    async fn read(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        let failure = match timeout(self.patience, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.patience = if self.has_token {
                    self.limits.idle_timeout
                } else {
                    self.patience.saturating_sub(start.elapsed())
                };
                return self.push(&bytes);
            }
            Ok(Ok(None)) if matches!(self.body, Body::Document(_)) => return self.read_document(),
            Ok(Ok(None)) => self.reporter.cut(None),
            Ok(Err(error)) => self.reporter.cut(Some(&error)),
            Err(_) if self.has_token => self.reporter.idle(self.limits.idle_timeout),
            Err(_) => self.reporter.no_token(self.limits.first_token_timeout),
        };
        if !self.has_finish {
            return Err(failure);
        }
        // The answer is complete; not every upstream sends `[DONE]`.
        self.end();
        Ok(())
    }

    fn push(&mut self, bytes: &Bytes) -> Result<(), Failure> {
        match &mut self.body {
            Body::Events(decoder) => decoder.push(bytes),
            Body::Document(document)
                if document.len() + bytes.len() > self.limits.answer_bytes_max =>
            {
                return Err(self.reporter.answer_too_long(self.limits.answer_bytes_max));
            }
            Body::Document(document) => document.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn read_document(&mut self) -> Result<(), Failure> {
        if let Body::Document(document) = &self.body {
            let seen = decode(document, &mut self.pending)
                .map_err(|fault| explain(&self.reporter, fault))?;
            self.note(seen);
        }
        self.end();
        Ok(())
    }

    fn note(&mut self, seen: EventSummary) {
        self.has_finish |= seen.finish;
        self.usage = seen.usage.or(self.usage);
        if !self.has_token && !self.pending.is_empty() {
            self.has_token = true;
            self.patience = self.limits.idle_timeout;
            if let Some(trial) = &mut self.trial {
                trial.answering();
            }
        }
    }

    fn end(&mut self) {
        if !self.has_finish {
            self.pending.push_back(Chunk::Finish(FinishReason::Stop));
        }
        self.pending.extend(self.usage.map(Chunk::Usage));
        self.has_ended = true;
    }

    fn take_chunk(&mut self) -> Result<Option<Chunk>, Failure> {
        let Some(chunk) = self.pending.pop_front() else {
            return Ok(None);
        };
        self.bytes += chunk.len();
        if self.bytes > self.limits.answer_bytes_max {
            return Err(self.reporter.answer_too_long(self.limits.answer_bytes_max));
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.note(&chunk);
        }
        Ok(Some(chunk))
    }

    async fn conclude(&mut self) {
        if let Some(trial) = self.trial.take() {
            trial.succeeded();
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.keep();
        }
        // The answer has ended; what follows is discarded.
        let _ = timeout(DRAIN_MAX, self.response.chunk()).await;
    }

    fn judge(&mut self, failure: Failure) -> Failure {
        if let Some(trial) = self.trial.take()
            && is_breakdown(&failure)
        {
            trial.failed();
        }
        failure
    }
}

/// Some servers send a stream without a content type or as plain text: those are read as events.
fn body_of(
    response: &Response,
    reporter: &Reporter,
    event_bytes_max: usize,
) -> Result<Body, Failure> {
    let content_type = response.headers().get(reqwest::header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match content_type.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(Body::Document(Vec::new())),
        "text/html" => Err(reporter.content_type(content_type)),
        _ => Ok(Body::Events(Decoder::new(event_bytes_max))),
    }
}

fn explain(reporter: &Reporter, fault: Fault) -> Failure {
    match fault {
        Fault::Malformed(error) => reporter.malformed(&error),
        Fault::Reported(complaint) => reporter.reported(&complaint.message, complaint.code),
    }
}
