//! The options of a generation, and the finished answer.

use crate::chunk::{FinishReason, Usage};
use crate::message::ToolCall;

/// A function offered to the model; `parameters` is a JSON Schema document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    pub parameters: String,
}

/// Options of a generation. `None` means the upstream's default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// The alias of an upstream; `None` means the default.
    pub model: Option<String>,
    pub temperature: Option<f32>,
    pub max_tokens: Option<u32>,
    pub seed: Option<i64>,
    pub tools: Vec<Tool>,
    /// OpenAI's `response_format`, a JSON document.
    pub response_format: Option<String>,
    /// A JSON object whose fields are merged into the request.
    pub extra: Option<String>,
}

impl Tool {
    /// Bytes of text that a model reads.
    pub fn text_bytes(&self) -> usize {
        self.name.len() + self.description.as_ref().map_or(0, String::len) + self.parameters.len()
    }
}

/// A finished answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    pub reasoning: Option<String>,
    pub tool_calls: Vec<ToolCall>,
    pub finish: FinishReason,
    pub usage: Option<Usage>,
    /// The other members of the message, a JSON object.
    pub message_fields: Option<String>,
    /// The other members of the choice, a JSON object.
    pub choice_fields: Option<String>,
    /// The other members of the answer, a JSON object.
    pub fields: Option<String>,
}
