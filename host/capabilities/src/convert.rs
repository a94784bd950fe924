//! Converts WIT records to the types of the host and back. Strings are moved, not copied.

use std::time::Duration;

use hayrick_types::chunk;
use hayrick_types::failure;
use hayrick_types::generation;
use hayrick_types::json_line::JsonLine;
use hayrick_types::message;
use hayrick_types::request;

use crate::bindings::exports::hayrick::pipeline::chat;
use crate::bindings::hayrick::pipeline::types;

impl From<types::Role> for message::Role {
    fn from(role: types::Role) -> message::Role {
        match role {
            types::Role::System => message::Role::System,
            types::Role::Developer => message::Role::Developer,
            types::Role::User => message::Role::User,
            types::Role::Assistant => message::Role::Assistant,
            types::Role::Tool => message::Role::Tool,
            types::Role::Function => message::Role::Function,
        }
    }
}

impl From<message::Role> for types::Role {
    fn from(role: message::Role) -> types::Role {
        match role {
            message::Role::System => types::Role::System,
            message::Role::Developer => types::Role::Developer,
            message::Role::User => types::Role::User,
            message::Role::Assistant => types::Role::Assistant,
            message::Role::Tool => types::Role::Tool,
            message::Role::Function => types::Role::Function,
        }
    }
}

impl From<types::Part> for message::Part {
    fn from(part: types::Part) -> message::Part {
        match part {
            types::Part::Text(part) => message::Part::Text(part.text).with(part.fields),
            types::Part::ImageUrl(part) => message::Part::ImageUrl(part.url).with(part.fields),
            types::Part::Other(json) => message::Part::Other(json),
        }
    }
}

impl From<message::Part> for types::Part {
    fn from(part: message::Part) -> types::Part {
        match part {
            message::Part::With(part, fields) => guest_part(*part, Some(fields)),
            part => guest_part(part, None),
        }
    }
}

fn guest_part(part: message::Part, fields: Option<String>) -> types::Part {
    match part {
        message::Part::Text(text) => types::Part::Text(types::TextPart { text, fields }),
        message::Part::ImageUrl(url) => types::Part::ImageUrl(types::ImagePart { url, fields }),
        message::Part::Other(json) => types::Part::Other(json),
        message::Part::With(part, fields) => guest_part(*part, Some(fields)),
    }
}

impl From<types::ToolCall> for message::ToolCall {
    fn from(call: types::ToolCall) -> message::ToolCall {
        message::ToolCall {
            id: call.id,
            name: call.name,
            arguments: call.arguments,
            fields: call.fields,
        }
    }
}

impl From<message::ToolCall> for types::ToolCall {
    fn from(call: message::ToolCall) -> types::ToolCall {
        types::ToolCall {
            id: call.id,
            name: call.name,
            arguments: call.arguments,
            fields: call.fields,
        }
    }
}

impl From<types::Message> for message::Message {
    fn from(message: types::Message) -> message::Message {
        message::Message {
            role: message.role.into(),
            content: message.content.into_iter().map(Into::into).collect(),
            name: message.name,
            tool_calls: message.tool_calls.into_iter().map(Into::into).collect(),
            tool_call_id: message.tool_call_id,
            fields: message.fields,
        }
    }
}

impl From<message::Message> for types::Message {
    fn from(message: message::Message) -> types::Message {
        types::Message {
            role: message.role.into(),
            content: message.content.into_iter().map(Into::into).collect(),
            name: message.name,
            tool_calls: message.tool_calls.into_iter().map(Into::into).collect(),
            tool_call_id: message.tool_call_id,
            fields: message.fields,
        }
    }
}

impl From<request::ChatRequest> for chat::ChatRequest {
    fn from(request: request::ChatRequest) -> chat::ChatRequest {
        chat::ChatRequest {
            model: request.model,
            messages: request.messages.into_iter().map(Into::into).collect(),
            body: request.body,
            headers: request.headers,
        }
    }
}

impl From<types::FinishReason> for chunk::FinishReason {
    fn from(reason: types::FinishReason) -> chunk::FinishReason {
        match reason {
            types::FinishReason::Stop => chunk::FinishReason::Stop,
            types::FinishReason::Length => chunk::FinishReason::Length,
            types::FinishReason::ToolCalls => chunk::FinishReason::ToolCalls,
            types::FinishReason::ContentFilter => chunk::FinishReason::ContentFilter,
        }
    }
}

impl From<chunk::FinishReason> for types::FinishReason {
    fn from(reason: chunk::FinishReason) -> types::FinishReason {
        match reason {
            chunk::FinishReason::Stop => types::FinishReason::Stop,
            chunk::FinishReason::Length => types::FinishReason::Length,
            chunk::FinishReason::ToolCalls => types::FinishReason::ToolCalls,
            chunk::FinishReason::ContentFilter => types::FinishReason::ContentFilter,
        }
    }
}

impl From<types::Usage> for chunk::Usage {
    fn from(usage: types::Usage) -> chunk::Usage {
        chunk::Usage {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            details: usage.details,
        }
    }
}

impl From<chunk::Usage> for types::Usage {
    fn from(usage: chunk::Usage) -> types::Usage {
        types::Usage {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            details: usage.details,
        }
    }
}

impl From<types::Chunk> for chunk::Chunk {
    fn from(item: types::Chunk) -> chunk::Chunk {
        match item {
            types::Chunk::Text(text) => chunk::Chunk::Text(text),
            types::Chunk::Reasoning(text) => chunk::Chunk::Reasoning(text),
            types::Chunk::ToolCall(call) => chunk::Chunk::ToolCall(chunk::ToolCallDelta {
                index: call.index,
                id: call.id,
                name: call.name,
                arguments: call.arguments,
                fields: call.fields,
            }),
            types::Chunk::Event(event) => chunk::Chunk::Event(chunk::Event {
                kind: event.kind,
                data: JsonLine::new(event.data),
            }),
            types::Chunk::Usage(usage) => chunk::Chunk::Usage(usage.into()),
            types::Chunk::Finish(reason) => chunk::Chunk::Finish(reason.into()),
            types::Chunk::Fields(json) => chunk::Chunk::Fields(JsonLine::new(json)),
            types::Chunk::MessageFields(json) => chunk::Chunk::MessageFields(JsonLine::new(json)),
            types::Chunk::ChoiceFields(json) => chunk::Chunk::ChoiceFields(JsonLine::new(json)),
        }
    }
}

impl From<chunk::Chunk> for types::Chunk {
    fn from(item: chunk::Chunk) -> types::Chunk {
        match item {
            chunk::Chunk::Text(text) => types::Chunk::Text(text),
            chunk::Chunk::Reasoning(text) => types::Chunk::Reasoning(text),
            chunk::Chunk::ToolCall(call) => types::Chunk::ToolCall(types::ToolCallDelta {
                index: call.index,
                id: call.id,
                name: call.name,
                arguments: call.arguments,
                fields: call.fields,
            }),
            chunk::Chunk::Event(event) => types::Chunk::Event(types::Event {
                kind: event.kind,
                data: event.data.into_string(),
            }),
            chunk::Chunk::Usage(usage) => types::Chunk::Usage(usage.into()),
            chunk::Chunk::Finish(reason) => types::Chunk::Finish(reason.into()),
            chunk::Chunk::Fields(json) => types::Chunk::Fields(json.into_string()),
            chunk::Chunk::MessageFields(json) => types::Chunk::MessageFields(json.into_string()),
            chunk::Chunk::ChoiceFields(json) => types::Chunk::ChoiceFields(json.into_string()),
        }
    }
}

impl From<types::Options> for generation::Options {
    fn from(options: types::Options) -> generation::Options {
        let tools = options.tools.into_iter();
        generation::Options {
            model: options.model,
            temperature: options.temperature,
            max_tokens: options.max_tokens,
            seed: options.seed,
            tools: tools
                .map(|tool| generation::Tool {
                    name: tool.name,
                    description: tool.description,
                    parameters: tool.parameters,
                })
                .collect(),
            response_format: options.response_format,
            extra: options.extra,
        }
    }
}

impl From<generation::Answer> for types::Answer {
    fn from(answer: generation::Answer) -> types::Answer {
        types::Answer {
            text: answer.text,
            reasoning: answer.reasoning,
            tool_calls: answer.tool_calls.into_iter().map(Into::into).collect(),
            finish: answer.finish.into(),
            usage: answer.usage.map(Into::into),
            message_fields: answer.message_fields,
            choice_fields: answer.choice_fields,
            fields: answer.fields,
        }
    }
}

impl From<types::FailureKind> for failure::FailureKind {
    fn from(kind: types::FailureKind) -> failure::FailureKind {
        match kind {
            types::FailureKind::InvalidInput => failure::FailureKind::InvalidInput,
            types::FailureKind::NotFound => failure::FailureKind::NotFound,
            types::FailureKind::Denied => failure::FailureKind::Denied,
            types::FailureKind::Unavailable => failure::FailureKind::Unavailable,
            types::FailureKind::Timeout => failure::FailureKind::Timeout,
            types::FailureKind::Cancelled => failure::FailureKind::Cancelled,
            types::FailureKind::Limit => failure::FailureKind::Limit,
            types::FailureKind::Failed => failure::FailureKind::Failed,
        }
    }
}

impl From<failure::FailureKind> for types::FailureKind {
    fn from(kind: failure::FailureKind) -> types::FailureKind {
        match kind {
            failure::FailureKind::InvalidInput => types::FailureKind::InvalidInput,
            failure::FailureKind::NotFound => types::FailureKind::NotFound,
            failure::FailureKind::Denied => types::FailureKind::Denied,
            failure::FailureKind::Unavailable => types::FailureKind::Unavailable,
            failure::FailureKind::Timeout => types::FailureKind::Timeout,
            failure::FailureKind::Cancelled => types::FailureKind::Cancelled,
            failure::FailureKind::Limit => types::FailureKind::Limit,
            failure::FailureKind::Failed => types::FailureKind::Failed,
        }
    }
}

/// Converts a failure that a guest returned, without its limit: see `reached_limits`.
pub(crate) fn failure_of_guest(failure: types::Failure) -> failure::Failure {
    let retry_after = failure.retry_after.map(Duration::from_millis);
    failure::Failure {
        retry_after,
        ..failure::Failure::of_guest(failure.kind.into(), failure.message)
    }
}

/// Converts a failure of the host for a guest. Only `reached_limits` calls this, so that every
/// limit is counted.
pub(crate) fn failure_for_guest(failure: failure::Failure) -> types::Failure {
    let retry_after = failure
        .retry_after
        .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
    types::Failure {
        kind: failure.kind.into(),
        message: failure.message,
        retry_after,
        limit: failure.limit.map(|limit| limit.as_str().to_owned()),
    }
}
