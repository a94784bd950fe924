//! Chunks: the pieces of an answer while it is generated.

use crate::json_line::JsonLine;

/// Tokens of one answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// What else the model counted: a JSON object with the members that OpenAI's `usage` has
    /// besides the counts.
    pub details: Option<String>,
}

impl Usage {
    /// Both kinds together.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

impl FinishReason {
    /// The name that OpenAI uses.
    pub fn as_str(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::ContentFilter => "content_filter",
        }
    }

    /// Parses the name that an upstream uses, in any case. `None` if it says that the answer was
    /// broken off: vLLM's `abort`, OpenRouter's and Mistral's `error`, DeepSeek's
    /// `insufficient_system_resource`. Names that nobody knows become `Stop`.
    pub fn parse(name: &str) -> Option<FinishReason> {
        match name.to_ascii_lowercase().as_str() {
            "length" | "max_tokens" | "max_output_tokens" | "model_length" | "max_length" => {
                Some(FinishReason::Length)
            }
            "tool_calls" | "tool_call" | "tool_use" | "function_call" => {
                Some(FinishReason::ToolCalls)
            }
            "content_filter"
            | "safety"
            | "recitation"
            | "blocklist"
            | "prohibited_content"
            | "spii"
            | "sensitive"
            | "guardrail_intervened" => Some(FinishReason::ContentFilter),
            "error"
            | "abort"
            | "aborted"
            | "cancel"
            | "cancelled"
            | "canceled"
            | "failed"
            | "timeout"
            | "network_error"
            | "insufficient_system_resource"
            | "malformed_function_call" => None,
            _ => Some(FinishReason::Stop),
        }
    }
}

/// A piece of a tool call; pieces with the same `index` belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCallDelta {
    pub index: u32,
    pub id: Option<String>,
    pub name: Option<String>,
    pub arguments: String,
    /// A JSON object with the other members of the call.
    pub fields: Option<String>,
}

/// A status, notification, source and so on, shown next to the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: String,
    pub data: JsonLine,
}

/// The members of OpenAI's own answers. The host writes them with values of its own.
pub const OPENAI_MEMBERS: [&str; 9] = [
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "error",
    "system_fingerprint",
    "service_tier",
];

/// The members of OpenAI's messages that other chunks carry, and the names under which upstreams send
/// them.
pub const MESSAGE_MEMBERS: [&str; 7] = [
    "role",
    "content",
    "refusal",
    "reasoning_content",
    "reasoning",
    "tool_calls",
    "function_call",
];

/// The members of OpenAI's choices that other chunks carry, and the names under which upstreams send
/// them.
pub const CHOICE_MEMBERS: [&str; 6] = [
    "index",
    "delta",
    "message",
    "text",
    "finish_reason",
    "error",
];

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    Text(String),
    Reasoning(String),
    ToolCall(ToolCallDelta),
    Event(Event),
    Usage(Usage),
    Finish(FinishReason),
    /// A JSON object whose fields are added to those of the answer.
    Fields(JsonLine),
    /// A JSON object whose fields are added to those of the message.
    MessageFields(JsonLine),
    /// A JSON object whose fields are added to those of the choice.
    ChoiceFields(JsonLine),
}

impl Chunk {
    /// Bytes of text in the chunk, as counted by the output limit.
    pub fn len(&self) -> usize {
        match self {
            Chunk::Text(text) | Chunk::Reasoning(text) => text.len(),
            Chunk::Fields(json) | Chunk::MessageFields(json) | Chunk::ChoiceFields(json) => {
                json.as_str().len()
            }
            Chunk::ToolCall(call) => {
                call.arguments.len()
                    + call.id.as_ref().map_or(0, String::len)
                    + call.name.as_ref().map_or(0, String::len)
                    + call.fields.as_ref().map_or(0, String::len)
            }
            Chunk::Event(event) => event.kind.len() + event.data.as_str().len(),
            Chunk::Usage(usage) => usage.details.as_ref().map_or(0, String::len),
            Chunk::Finish(_) => 0,
        }
    }

    /// Whether the chunk has no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
