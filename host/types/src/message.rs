//! Messages of a conversation, as in OpenAI's chat API.

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

impl Role {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }

    /// Parses the name in JSON.
    pub fn parse(name: &str) -> Option<Role> {
        [
            Role::System,
            Role::Developer,
            Role::User,
            Role::Assistant,
            Role::Tool,
        ]
        .into_iter()
        .find(|role| role.as_str() == name)
    }
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// A URL or a `data:` URL.
    ImageUrl(String),
    /// A part of an unknown kind: the JSON object as the client sent it.
    Other(String),
}

/// A finished tool call; `arguments` is a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub content: Vec<Part>,
    pub name: Option<String>,
    pub tool_calls: Vec<ToolCall>,
    pub tool_call_id: Option<String>,
}

/// The size of an image in [`Message::text_bytes`]: models use about a thousand tokens for one,
/// regardless of the size of its file.
const IMAGE_BYTES: usize = 4 << 10;

impl Message {
    /// Bytes of text that a model reads.
    pub fn text_bytes(&self) -> usize {
        let content = self.content.iter().map(|part| match part {
            Part::Text(text) | Part::Other(text) => text.len(),
            Part::ImageUrl(_) => IMAGE_BYTES,
        });
        let calls = self
            .tool_calls
            .iter()
            .map(|call| call.name.len() + call.arguments.len());
        content.chain(calls).sum()
    }

    /// A message with one text part.
    pub fn text(role: Role, text: impl Into<String>) -> Message {
        Message {
            role,
            content: vec![Part::Text(text.into())],
            name: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }
}
