//! What an answer in flight is made of. An answer is a sequence of chunks.

/// Tokens of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
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
    /// OpenAI's word.
    pub fn as_str(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::ContentFilter => "content_filter",
        }
    }

    /// The reason an upstream names; a word there is none for is read as `stop`.
    pub fn parse(word: &str) -> FinishReason {
        match word {
            "length" => FinishReason::Length,
            "tool_calls" | "function_call" => FinishReason::ToolCalls,
            "content_filter" => FinishReason::ContentFilter,
            _ => FinishReason::Stop,
        }
    }
}

/// A piece of a tool call in flight; pieces of one `index` belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCallDelta {
    pub index: u32,
    pub id: Option<String>,
    pub name: Option<String>,
    pub arguments: String,
}

/// A status, notification, source… shown beside the text; `data` is a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: String,
    pub data: String,
}

/// One item of an answer in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    Text(String),
    Reasoning(String),
    ToolCall(ToolCallDelta),
    Event(Event),
    Usage(Usage),
    Finish(FinishReason),
    /// A JSON object whose fields stand beside the answer's own.
    Fields(String),
}

impl Chunk {
    /// Bytes of text in it, as the output limit counts them.
    pub fn len(&self) -> usize {
        match self {
            Chunk::Text(text) | Chunk::Reasoning(text) | Chunk::Fields(text) => text.len(),
            Chunk::ToolCall(call) => {
                call.arguments.len()
                    + call.id.as_ref().map_or(0, String::len)
                    + call.name.as_ref().map_or(0, String::len)
            }
            Chunk::Event(event) => event.kind.len() + event.data.len(),
            Chunk::Usage(_) | Chunk::Finish(_) => 0,
        }
    }

    /// Whether there is no text in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
