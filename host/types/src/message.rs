//! Messages of a conversation, as in OpenAI's chat API.

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    /// What OpenAI called a tool before.
    Function,
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
            Role::Function => "function",
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
            Role::Function,
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
    /// A text or an image with other members: a JSON object, such as
    /// `{"image_url": {"detail": "low"}}`.
    With(Box<Part>, String),
}

/// A finished tool call; `arguments` is a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
    /// A JSON object with the other members of the call; its `type`, if that is not `function`.
    pub fields: Option<String>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub content: Vec<Part>,
    pub name: Option<String>,
    pub tool_calls: Vec<ToolCall>,
    pub tool_call_id: Option<String>,
    /// A JSON object with the other members of the message.
    pub fields: Option<String>,
}

/// The size of an image in [`Message::text_bytes`]: models use about a thousand tokens for one,
/// regardless of the size of its file.
const IMAGE_BYTES: usize = 4 << 10;

impl Part {
    /// The text of a text part, whatever else it has.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Part::Text(text) => Some(text),
            Part::With(part, _) => part.as_text(),
            Part::ImageUrl(_) | Part::Other(_) => None,
        }
    }

    /// The same part with other members, if there are any.
    #[must_use]
    pub fn with(self, fields: Option<String>) -> Part {
        match fields {
            Some(fields) => Part::With(Box::new(self), fields),
            None => self,
        }
    }

    fn text_bytes(&self) -> usize {
        match self {
            Part::Text(text) | Part::Other(text) => text.len(),
            Part::ImageUrl(_) => IMAGE_BYTES,
            Part::With(part, fields) => part.text_bytes() + fields.len(),
        }
    }
}

impl Message {
    /// Bytes of text that a model reads.
    pub fn text_bytes(&self) -> usize {
        let content = self.content.iter().map(Part::text_bytes);
        let calls = self.tool_calls.iter().map(|call| {
            let fields = call.fields.as_ref().map_or(0, String::len);
            call.name.len() + call.arguments.len() + fields
        });
        let fields = self.fields.as_ref().map(String::len);
        content.chain(calls).chain(fields).sum()
    }

    /// A message with one text part.
    pub fn text(role: Role, text: impl Into<String>) -> Message {
        Message {
            role,
            content: vec![Part::Text(text.into())],
            name: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
            fields: None,
        }
    }
}
