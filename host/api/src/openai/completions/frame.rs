//! Writes text as the frames of a streamed `text_completion`.

use bytes::{BufMut, Bytes, BytesMut};
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;
use serde::Serialize;

use super::super::chat::summary::{Identity, Summary};
use crate::body::answer_stream::Encode;
use crate::error::ApiError;
use crate::sse;
use crate::wire::json::write;
use crate::wire::usage::UsageView;

/// Writes the frames of one answer.
pub(super) struct FrameWriter {
    identity: Identity,
    /// What the text begins with.
    echo: String,
    /// Whether a last frame has the usage.
    usage: bool,
    summary: Summary,
}

#[derive(Serialize)]
struct Frame<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    /// Null in each frame but the last, if the client asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageView>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    text: &'a str,
    index: u32,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

impl FrameWriter {
    /// Writes the frames of an answer whose text begins with `echo`.
    pub(super) fn new(identity: Identity, echo: String, usage: bool) -> FrameWriter {
        FrameWriter {
            identity,
            echo,
            usage,
            summary: Summary::default(),
        }
    }

    fn text(&self, out: &mut BytesMut, text: &str, finish_reason: Option<&'static str>) {
        let choice = Choice {
            text,
            index: 0,
            logprobs: None,
            finish_reason,
        };
        self.frame(out, &[choice], None);
    }

    fn frame(&self, out: &mut BytesMut, choices: &[Choice<'_>], usage: Option<UsageView>) {
        let frame = Frame {
            id: &self.identity.id,
            object: "text_completion",
            created: self.identity.created,
            model: &self.identity.model,
            choices,
            usage: self.usage.then_some(usage),
        };
        sse::write_data(out, |out| write(out, &frame));
    }
}

impl Encode for FrameWriter {
    fn begin(&mut self, out: &mut BytesMut) {
        if !self.echo.is_empty() {
            self.text(out, &self.echo, None);
        }
    }

    // A prompt's answer is text: reasoning, tool calls and events have no place in it.
    fn chunk(&mut self, chunk: &Chunk, out: &mut BytesMut) {
        self.summary.note(chunk);
        if let Chunk::Text(text) = chunk
            && !text.is_empty()
        {
            self.text(out, text, None);
        }
    }

    fn end(&mut self, out: &mut BytesMut) {
        self.text(out, "", Some(self.summary.finish()));
        if self.usage {
            self.frame(out, &[], Some(self.summary.usage()));
        }
        sse::write_data(out, |out| out.put_slice(b"[DONE]"));
    }

    fn fail(&mut self, failure: Failure, out: &mut BytesMut) {
        sse::write_data(out, |out| write(out, &ApiError::from(failure).body()));
    }

    fn keep_alive(&self) -> Option<Bytes> {
        Some(sse::KEEP_ALIVE)
    }

    fn shows_failure(&self) -> bool {
        true
    }
}
