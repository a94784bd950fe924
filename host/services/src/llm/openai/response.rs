//! One event of a streamed `/chat/completions` answer, or a whole one: both have the same fields.
//! `docs/upstreams.md` lists whose oddities are read here.

use std::collections::{BTreeMap, VecDeque};

use hayrick_types::chunk::{Chunk, FinishReason, Usage};
use hayrick_types::json_line::JsonLine;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::llm::openai::error::{Complaint, of_body, of_object};
use crate::llm::openai::event::{Choice, Delta, Event, Name, Others, WireToolCall, says_something};
use crate::llm::openai::tool_calls::{Piece, ToolCalls};
use crate::llm::openai::usage::usage;

/// What an event says besides its chunks.
#[derive(Debug, Default)]
pub(crate) struct EventSummary {
    /// The answer has its finish reason.
    pub(crate) finish: bool,
    pub(crate) usage: Option<Usage>,
    /// `[DONE]`: nothing follows.
    pub(crate) done: bool,
    /// Members that OpenAI does not have, by name, as JSON.
    pub(crate) others: Vec<(String, Box<RawValue>)>,
}

/// An event that ends the answer.
#[derive(Debug)]
pub(crate) enum Fault {
    Malformed(serde_json::Error),
    /// The upstream sent an error object.
    Reported(Complaint),
    /// The finish reason says that the answer is not complete.
    BrokenOff(String),
}

/// Appends an event's chunks to `chunks`.
///
/// # Errors
/// The event does not follow the API, or says that the answer failed.
pub(crate) fn decode(
    data: &[u8],
    calls: &mut ToolCalls,
    chunks: &mut VecDeque<Chunk>,
) -> Result<EventSummary, Fault> {
    let data = data.trim_ascii();
    match data.first() {
        Some(b'{') => {}
        None => return Ok(EventSummary::default()),
        // Gemini wraps an error into a list.
        Some(b'[') if !is_done(data) => return decode_list(data, calls, chunks),
        _ if is_done(data) => {
            return Ok(EventSummary {
                done: true,
                ..EventSummary::default()
            });
        }
        _ if data == b"null" => return Ok(EventSummary::default()),
        // No document at all: the server says in plain text what went wrong.
        _ => return Err(Fault::Reported(of_body(data))),
    }
    let event: Event = serde_json::from_slice(data).map_err(Fault::Malformed)?;
    if let Some(complaint) = complaint(&event, data) {
        return Err(Fault::Reported(complaint));
    }
    let of_groq = event.x_groq.as_ref().and_then(|groq| groq.usage);
    let mut seen = EventSummary {
        usage: event.usage.or(of_groq).and_then(usage),
        others: owned(event.others),
        ..EventSummary::default()
    };
    // Only one answer was asked for.
    let mut choices = event.choices.into_iter().flatten();
    if let Some(choice) = choices.find(|choice| choice.index.unwrap_or_default() == 0) {
        seen.finish = take_choice(choice, calls, chunks)?;
    }
    Ok(seen)
}

fn owned(members: Others<'_>) -> Vec<(String, Box<RawValue>)> {
    let members = members.into_iter();
    members
        .map(|(name, value)| (name.into_owned(), value.to_owned()))
        .collect()
}

/// The members as an object; `None` if there are none.
fn object(members: &Others<'_>) -> Option<JsonLine> {
    // Names and JSON can always be written.
    let json = || serde_json::to_string(&BTreeMap::from_iter(members.iter().cloned()));
    (!members.is_empty()).then(|| JsonLine::new(json().unwrap_or_default()))
}

fn decode_list(
    data: &[u8],
    calls: &mut ToolCalls,
    chunks: &mut VecDeque<Chunk>,
) -> Result<EventSummary, Fault> {
    let events: Vec<&RawValue> = serde_json::from_slice(data).map_err(Fault::Malformed)?;
    let mut all = EventSummary::default();
    for event in events {
        let text = event.get().as_bytes();
        if !text.starts_with(b"{") {
            continue;
        }
        let seen = decode(text, calls, chunks)?;
        all.finish |= seen.finish;
        all.usage = seen.usage.or(all.usage);
        all.others.extend(seen.others);
    }
    Ok(all)
}

/// Whether this is the end of the stream, in whatever spelling.
fn is_done(data: &[u8]) -> bool {
    let bare = data.strip_prefix(b"\"").unwrap_or(data);
    let bare = bare.strip_suffix(b"\"").unwrap_or(bare);
    bare.eq_ignore_ascii_case(b"[DONE]")
}

/// What an event says went wrong.
fn complaint(event: &Event<'_>, data: &[u8]) -> Option<Complaint> {
    let of_groq = event.x_groq.as_ref().and_then(|groq| groq.error);
    let of_choice = || event.choices.iter().flatten().find_map(|it| it.error);
    let reported = [event.error, of_groq, of_choice()];
    if let Some(error) = reported.into_iter().flatten().find(|it| says_something(it)) {
        return Some(of_object(error));
    }
    let is_error = |kind: Option<&RawValue>| kind.is_some_and(|kind| kind.get() == "\"error\"");
    if is_error(event.object) || is_error(event.r#type) {
        return Some(of_body(data));
    }
    let instead = [event.detail, event.message, event.errors];
    let speaks = instead.into_iter().flatten().any(says_something);
    (event.choices.is_none() && speaks).then(|| of_body(data))
}

/// Takes the chunks of the answer, and returns whether it ends here.
fn take_choice(
    choice: Choice<'_>,
    calls: &mut ToolCalls,
    chunks: &mut VecDeque<Chunk>,
) -> Result<bool, Fault> {
    match choice.delta.or(choice.message) {
        Some(delta) => take_delta(delta, calls, chunks).map_err(Fault::Malformed)?,
        None => chunks.extend(some(choice.text).map(Chunk::Text)),
    }
    chunks.extend(object(&choice.others).map(Chunk::ChoiceFields));
    let reason = choice.finish_reason.map(|Name(reason)| reason);
    let Some(reason) = reason.filter(|reason| !reason.is_empty()) else {
        return Ok(false);
    };
    let finish = match FinishReason::parse(&reason) {
        // Ollama and Gemini say `stop` where the client has to call a tool.
        Some(FinishReason::Stop) if !calls.is_empty() => FinishReason::ToolCalls,
        Some(finish) => finish,
        None => return Err(Fault::BrokenOff(reason.into_owned())),
    };
    chunks.push_back(Chunk::Finish(finish));
    Ok(true)
}

/// The text, if there is any.
fn some(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn take_delta(
    delta: Delta<'_>,
    calls: &mut ToolCalls,
    chunks: &mut VecDeque<Chunk>,
) -> Result<(), serde_json::Error> {
    let content = delta.content.unwrap_or_default();
    // Some send the same reasoning under both names.
    let reasoning = some(delta.reasoning_content)
        .or_else(|| some(delta.reasoning))
        .or_else(|| some(Some(content.reasoning)));
    chunks.extend(reasoning.map(Chunk::Reasoning));
    chunks.extend(some(Some(content.text)).map(Chunk::Text));
    chunks.extend(some(delta.refusal).map(Chunk::Text));
    let old = delta.function_call.map(|function| WireToolCall {
        index: Some(0),
        id: None,
        function: Some(function),
        others: Map::new(),
    });
    let pieces = delta.tool_calls.into_iter().flatten().chain(old);
    for (place, call) in (0..).zip(pieces) {
        let piece = piece(place, call)?;
        chunks.push_back(Chunk::ToolCall(calls.place(piece)));
    }
    chunks.extend(object(&delta.others).map(Chunk::MessageFields));
    Ok(())
}

fn piece(place: u32, call: WireToolCall<'_>) -> Result<Piece, serde_json::Error> {
    let mut others = call.others;
    others.retain(|name, value| !value.is_null() && (name != "type" || value != "function"));
    let (name, arguments) = call
        .function
        .map_or((None, None), |function| (function.name, function.arguments));
    Ok(Piece {
        index: call.index.unwrap_or(place),
        id: call.id,
        name,
        arguments: arguments
            .map(arguments_text)
            .transpose()?
            .unwrap_or_default(),
        fields: (!others.is_empty()).then(|| Value::Object(others).to_string()),
    })
}

fn arguments_text(raw: &RawValue) -> Result<String, serde_json::Error> {
    if raw.get().starts_with('"') {
        serde_json::from_str(raw.get())
    } else {
        Ok(raw.get().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use hayrick_types::chunk::ToolCallDelta;

    use super::*;

    fn read(data: &str) -> (Vec<Chunk>, EventSummary) {
        let mut chunks = VecDeque::new();
        let seen = decode(data.as_bytes(), &mut ToolCalls::default(), &mut chunks).unwrap();
        (chunks.into(), seen)
    }

    fn delta(fields: &str) -> Vec<Chunk> {
        read(&format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{{{fields}}},"finish_reason":null}}],"usage":null}}"#)).0
    }

    fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Chunk {
        let arguments = arguments.to_owned();
        Chunk::ToolCall(ToolCallDelta {
            index,
            id: id.map(str::to_owned),
            name: name.map(str::to_owned),
            arguments,
            fields: None,
        })
    }

    #[test]
    fn deltas_become_chunks() {
        let reasoning = [Chunk::Reasoning("r".to_owned())];
        assert_eq!(delta(r#""role":"assistant","content":"""#), []);
        assert_eq!(
            delta(r#""content":"a\n\u00fc""#),
            [Chunk::Text("a\nü".to_owned())]
        );
        assert_eq!(
            delta(r#""content":null,"reasoning_content":"r""#),
            reasoning
        );
        assert_eq!(
            delta(r#""reasoning":"r","reasoning_content":"r""#),
            reasoning
        );
        assert_eq!(delta(r#""refusal":"no""#), [Chunk::Text("no".to_owned())]);
        let first = r#""tool_calls":[{"index":1,"id":"c","type":"function","function":{"name":"f","arguments":""}}]"#;
        assert_eq!(delta(first), [call(0, Some("c"), Some("f"), "")]);
        let later = r#""tool_calls":[{"index":1,"id":"","function":{"arguments":"{\"a\""}}]"#;
        assert_eq!(delta(later), [call(0, None, None, "{\"a\"")]);
        let odd = r#""tool_calls":[{"function":{"name":"f"}},{"function":{"arguments":{"a":1}}}]"#;
        assert_eq!(
            delta(odd),
            [
                call(0, None, Some("f"), ""),
                call(1, None, None, r#"{"a":1}"#)
            ]
        );
    }

    #[test]
    fn members_that_openai_does_not_have_are_kept() {
        let (chunks, seen) = read(
            r#"{"id":"x","choices":[],"a\u0062":[1, 2],"none":null,"empty":[],"obfuscation":"x"}"#,
        );
        let others: Vec<_> = seen
            .others
            .iter()
            .map(|(name, value)| (&**name, value.get()))
            .collect();
        assert_eq!((chunks, others), (Vec::new(), vec![("ab", "[1, 2]")]));
    }

    #[test]
    fn finish_and_usage_are_seen() {
        let (chunks, seen) = read(
            r#"{"choices":[{"message":{"content":"a"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#,
        );
        assert_eq!(
            chunks,
            [
                Chunk::Text("a".to_owned()),
                Chunk::Finish(FinishReason::Length)
            ]
        );
        let usage = Usage {
            input_tokens: 3,
            output_tokens: 4,
            details: None,
        };
        assert_eq!((seen.finish, seen.usage), (true, Some(usage)));
        assert_eq!(
            read(r#"{"choices":[{"index":1,"delta":{"content":"second"}}]}"#).0,
            []
        );
    }

    #[test]
    fn malformed_events_and_reported_errors_are_distinguished() {
        let fault = |data: &[u8]| {
            decode(data, &mut ToolCalls::default(), &mut VecDeque::new()).unwrap_err()
        };
        assert!(matches!(fault(b"{\"choices\":["), Fault::Malformed(_)));
        assert!(matches!(
            fault(b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}"),
            Fault::Malformed(_)
        ));
        let reported = fault(br#"{"error":{"message":"overloaded","code":503}}"#);
        assert!(
            matches!(reported, Fault::Reported(complaint) if complaint.message == "overloaded" && complaint.code == Some(503))
        );
    }
}
