//! Reads one upstream's answer, chunk by chunk, only as fast as its caller.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hayrick_types::chunk::{Chunk, FinishReason, ToolCallDelta, Usage};
use hayrick_types::failure::Failure;
use hayrick_types::json_line::JsonLine;
use reqwest::Response;
use serde_json::value::RawValue;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::llm::body::Body;
use crate::llm::breaker::Trial;
use crate::llm::cache::Recorder;
use crate::llm::failure::{Reporter, is_breakdown};
use crate::llm::openai::error::{Complaint, of_body};
use crate::llm::openai::response::{EventSummary, Fault, decode};
use crate::llm::openai::tool_calls::ToolCalls;
use crate::llm::plain::Plain;

/// How long to wait for the end of the body once the answer is complete: a body that was read to its
/// end leaves its connection to the next request.
const DRAIN_MAX: Duration = Duration::from_millis(20);
/// How long the usage may come after the finish reason. Some upstreams leave the connection open.
const USAGE_MAX: Duration = Duration::from_secs(1);

/// The longest chunk of an answer; the least `chunk_bytes_max` of a plugin is smaller.
const CHUNK_BYTES: usize = 256 << 10;

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
    plain: Plain,
    body: Body,
    /// Chunks of the last event that were not returned yet.
    pending: VecDeque<Chunk>,
    calls: ToolCalls,
    /// Returned last: some upstreams send a running count with every event.
    usage: Option<Usage>,
    /// Members that OpenAI does not have, returned with the usage: some upstreams repeat them in
    /// every event.
    others: BTreeMap<String, Box<RawValue>>,
    /// The latest members of the choice: some upstreams repeat them in every event.
    choice: Option<JsonLine>,
    /// Set by the finish reason: the answer is complete, and only its usage may follow.
    ends_by: Option<Instant>,
    has_ended: bool,
    has_token: bool,
    /// How much longer the next bytes may take. Only waiting counts, not the time a slow caller
    /// takes between two calls.
    patience: Duration,
    limits: ReadLimits,
    bytes: usize,
    reporter: Arc<Reporter>,
    trial: Option<Trial>,
    /// Where a failure after the first chunk is counted.
    failures: Option<Arc<AtomicU64>>,
    recorder: Option<Recorder>,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Reading {
    /// Takes over a response; `waited` is the part of the first-token timeout that its headers took.
    ///
    /// # Errors
    /// Its content encoding is unknown.
    pub(crate) fn new(
        response: Response,
        trial: Trial,
        place: Arc<OwnedSemaphorePermit>,
        reporter: Arc<Reporter>,
        limits: ReadLimits,
        waited: Duration,
    ) -> Result<Reading, Failure> {
        let plain = Plain::of(response.headers()).map_err(|found| reporter.encoding(&found))?;
        Ok(Reading {
            plain,
            body: Body::new(limits.event_bytes_max),
            response,
            pending: VecDeque::new(),
            calls: ToolCalls::default(),
            usage: None,
            others: BTreeMap::new(),
            choice: None,
            ends_by: None,
            has_ended: false,
            has_token: false,
            patience: limits.first_token_timeout.saturating_sub(waited),
            limits,
            bytes: 0,
            reporter,
            trial: Some(trial),
            failures: None,
            recorder: None,
            _place: place,
        })
    }

    /// Records the answer for the cache, and counts its failure from now on.
    pub(crate) fn hand_over(&mut self, recorder: Option<Recorder>, failures: Arc<AtomicU64>) {
        self.recorder = recorder;
        self.failures = Some(failures);
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
            if !self.decode_next()? {
                self.read().await?;
            }
        }
        Ok(())
    }

    /// Decodes an event that has come; `false` if more input is needed.
    fn decode_next(&mut self) -> Result<bool, Failure> {
        let limit = self.limits.event_bytes_max;
        let next = self
            .body
            .next_event()
            .map_err(|_| self.reporter.event_too_long(limit))?;
        let Some(event) = next else {
            return Ok(false);
        };
        let decoded = if event.is_error {
            Err(Fault::Reported(of_body(event.data)))
        } else {
            decode(event.data, &mut self.calls, &mut self.pending)
        };
        match decoded {
            Ok(seen) => self.note(seen),
            // The answer is complete; what follows is of no use.
            Err(Fault::Malformed(_)) if self.ends_by.is_some() => self.end(),
            Err(fault) => return Err(explain(&self.reporter, fault)),
        }
        Ok(true)
    }

    /// Reads one piece of the body, or its end.
    async fn read(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        let patience = self.ends_by.map_or(self.patience, |end| end - start);
        let failure = match timeout(patience, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.patience = if self.has_token {
                    self.limits.idle_timeout
                } else {
                    self.patience.saturating_sub(start.elapsed())
                };
                return self.push(&bytes);
            }
            Ok(Ok(None)) => return self.read_end(),
            Ok(Err(error)) => self.reporter.cut(Some(&error)),
            Err(_) if self.has_token => self.reporter.idle(self.limits.idle_timeout),
            Err(_) => self.reporter.no_token(self.limits.first_token_timeout),
        };
        if self.ends_by.is_none() {
            return Err(failure);
        }
        // The answer is complete; not every upstream sends `[DONE]` or ends the connection.
        self.end();
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let (reporter, body) = (&self.reporter, &mut self.body);
        let bytes_max = self.limits.answer_bytes_max;
        let piece = self
            .plain
            .decode(bytes)
            .map_err(|error| reporter.cannot_decode(&error))?;
        if body.push(&piece, bytes_max) {
            Ok(())
        } else {
            Err(reporter.answer_too_long(bytes_max))
        }
    }

    /// The body has ended: what it has left may still be an event, or a whole document.
    fn read_end(&mut self) -> Result<(), Failure> {
        self.body.finish();
        while !self.has_ended {
            match self.decode_next() {
                Ok(true) => {}
                Ok(false) => break,
                // Half an event.
                Err(_) if self.has_token && self.body.is_stream() => {
                    return Err(self.reporter.cut(None));
                }
                Err(failure) => return Err(failure),
            }
        }
        if self.has_ended {
            return Ok(());
        }
        if self.ends_by.is_some() || (self.has_token && !self.body.is_stream()) {
            self.end();
            return Ok(());
        }
        Err(match self.body.stray() {
            _ if self.has_token => self.reporter.cut(None),
            [] => self.reporter.empty(),
            [b'<', ..] => self.reporter.page(self.response.headers()),
            said => self
                .reporter
                .reported(&Complaint::plain(&String::from_utf8_lossy(said))),
        })
    }

    fn note(&mut self, seen: EventSummary) {
        self.usage = seen.usage.or(self.usage.take());
        self.others.extend(seen.others);
        self.drop_repeated();
        if !self.has_token && !self.pending.is_empty() {
            self.has_token = true;
            self.patience = self.limits.idle_timeout;
            if let Some(trial) = &mut self.trial {
                trial.answering();
            }
        }
        if seen.finish && self.ends_by.is_none() {
            self.ends_by = Some(Instant::now() + USAGE_MAX);
        }
        if seen.done && self.has_token {
            self.end();
        }
    }

    /// Drops the members of the choice that say what the event before said. Lists have pieces, which
    /// may well be equal.
    fn drop_repeated(&mut self) {
        let latest = &mut self.choice;
        self.pending.retain(|chunk| match chunk {
            Chunk::ChoiceFields(json) if !json.as_str().contains('[') => {
                let is_new = latest.as_ref() != Some(json);
                *latest = Some(json.clone());
                is_new
            }
            _ => true,
        });
    }

    fn end(&mut self) {
        if self.ends_by.is_none() {
            self.pending.push_back(Chunk::Finish(FinishReason::Stop));
        }
        let fields = self.fields();
        self.pending.extend(fields);
        self.pending.extend(self.usage.take().map(Chunk::Usage));
        self.has_ended = true;
    }

    /// The members that OpenAI does not have, unless they are longer than a chunk may be.
    fn fields(&mut self) -> Option<Chunk> {
        let others = std::mem::take(&mut self.others);
        // Names and JSON can always be written.
        let json = serde_json::to_string(&others).unwrap_or_default();
        if others.is_empty() {
            None
        } else if json.len() > CHUNK_BYTES {
            self.reporter.drops_fields(json.len(), CHUNK_BYTES);
            None
        } else {
            Some(Chunk::Fields(JsonLine::new(json)))
        }
    }

    fn take_chunk(&mut self) -> Result<Option<Chunk>, Failure> {
        let Some(mut chunk) = self.pending.pop_front() else {
            return Ok(None);
        };
        if let Some(rest) = split(&mut chunk) {
            self.pending.push_front(rest);
        }
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
        if let Some(failures) = self.failures.take() {
            failures.fetch_add(1, Ordering::Relaxed);
        }
        failure
    }
}

/// Cuts a long chunk, and returns its rest: an image comes in one event of megabytes, and plugins
/// and clients read chunks of bounded size.
fn split(chunk: &mut Chunk) -> Option<Chunk> {
    let long = |text: &mut String| {
        (text.len() > CHUNK_BYTES).then(|| text.split_off(text.floor_char_boundary(CHUNK_BYTES)))
    };
    match chunk {
        Chunk::Text(text) => long(text).map(Chunk::Text),
        Chunk::Reasoning(text) => long(text).map(Chunk::Reasoning),
        Chunk::ToolCall(call) => long(&mut call.arguments).map(|arguments| {
            Chunk::ToolCall(ToolCallDelta {
                index: call.index,
                id: None,
                name: None,
                arguments,
                fields: None,
            })
        }),
        _ => None,
    }
}

fn explain(reporter: &Reporter, fault: Fault) -> Failure {
    match fault {
        Fault::Malformed(error) => reporter.malformed(&error),
        Fault::Reported(complaint) => reporter.reported(&complaint),
        Fault::BrokenOff(reason) => reporter.broken_off(&reason),
    }
}
