//! One event of a streamed `/chat/completions` answer, or a whole one: both have the same fields.

use std::borrow::Cow;
use std::collections::VecDeque;

use hayrick_types::chunk::{Chunk, FinishReason, ToolCallDelta, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::llm::openai::error::{Complaint, of_object};

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<WireUsage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    /// In place of `delta` in a whole answer.
    #[serde(borrow)]
    message: Option<Delta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

/// The texts move into chunks, so they are owned.
#[derive(Deserialize)]
struct Delta<'a> {
    content: Option<String>,
    /// The name that DeepSeek, vLLM and llama.cpp use.
    reasoning_content: Option<String>,
    /// The name that OpenRouter, Ollama and newer versions of vLLM use.
    reasoning: Option<String>,
    refusal: Option<String>,
    #[serde(borrow)]
    tool_calls: Option<Vec<WireToolCall<'a>>>,
}

#[derive(Deserialize)]
struct WireToolCall<'a> {
    index: Option<u32>,
    id: Option<String>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    name: Option<String>,
    /// A string for OpenAI, an object for some others.
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// What an event says besides its chunks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EventSummary {
    /// The answer has its finish reason.
    pub(crate) finish: bool,
    pub(crate) usage: Option<Usage>,
}

/// An event that ends the answer.
#[derive(Debug)]
pub(crate) enum Fault {
    Malformed(serde_json::Error),
    /// The upstream sent an error object.
    Reported(Complaint),
}

/// Appends an event's chunks to `chunks`.
///
/// # Errors
/// The event does not follow the API, or is an error object.
pub(crate) fn decode(data: &[u8], chunks: &mut VecDeque<Chunk>) -> Result<EventSummary, Fault> {
    let event: Event = serde_json::from_slice(data).map_err(Fault::Malformed)?;
    if let Some(error) = event.error {
        return Err(Fault::Reported(of_object(error)));
    }
    let usage = event.usage.map(|usage| Usage {
        input_tokens: usage.prompt_tokens,
        output_tokens: usage.completion_tokens,
    });
    let mut seen = EventSummary {
        finish: false,
        usage,
    };
    // Only one answer was asked for.
    let first = event
        .choices
        .into_iter()
        .flatten()
        .find(|choice| choice.index == 0);
    if let Some(choice) = first {
        if let Some(delta) = choice.delta.or(choice.message) {
            take_delta(delta, chunks).map_err(Fault::Malformed)?;
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            chunks.push_back(Chunk::Finish(FinishReason::parse(&reason)));
            seen.finish = true;
        }
    }
    Ok(seen)
}

fn take_delta(delta: Delta, chunks: &mut VecDeque<Chunk>) -> Result<(), serde_json::Error> {
    let has_text = |text: &String| !text.is_empty();
    // Some send the same reasoning under both names.
    let reasoning = delta
        .reasoning_content
        .filter(has_text)
        .or(delta.reasoning.filter(has_text));
    chunks.extend(reasoning.map(Chunk::Reasoning));
    chunks.extend(delta.content.filter(has_text).map(Chunk::Text));
    chunks.extend(delta.refusal.filter(has_text).map(Chunk::Text));
    for (place, call) in (0..).zip(delta.tool_calls.into_iter().flatten()) {
        chunks.push_back(Chunk::ToolCall(tool_call(place, call)?));
    }
    Ok(())
}

fn tool_call(place: u32, call: WireToolCall) -> Result<ToolCallDelta, serde_json::Error> {
    let (name, arguments) = call
        .function
        .map_or((None, None), |function| (function.name, function.arguments));
    Ok(ToolCallDelta {
        index: call.index.unwrap_or(place),
        // Some repeat them as empty strings in later pieces.
        id: call.id.filter(|id| !id.is_empty()),
        name: name.filter(|name| !name.is_empty()),
        arguments: arguments
            .map(arguments_text)
            .transpose()?
            .unwrap_or_default(),
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
    use super::*;

    fn read(data: &str) -> (Vec<Chunk>, EventSummary) {
        let mut chunks = VecDeque::new();
        let seen = decode(data.as_bytes(), &mut chunks).unwrap();
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
        assert_eq!(delta(first), [call(1, Some("c"), Some("f"), "")]);
        let later = r#""tool_calls":[{"index":1,"id":"","function":{"arguments":"{\"a\""}}]"#;
        assert_eq!(delta(later), [call(1, None, None, "{\"a\"")]);
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
        assert_eq!(
            seen,
            EventSummary {
                finish: true,
                usage: Some(Usage {
                    input_tokens: 3,
                    output_tokens: 4
                })
            }
        );
        assert_eq!(
            read(r#"{"choices":[],"prompt_filter_results":[]}"#),
            (Vec::new(), EventSummary::default())
        );
        assert_eq!(
            read(r#"{"choices":[{"index":1,"delta":{"content":"second"}}]}"#).0,
            []
        );
    }

    #[test]
    fn malformed_events_and_reported_errors_are_distinguished() {
        let fault = |data: &[u8]| decode(data, &mut VecDeque::new()).unwrap_err();
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
