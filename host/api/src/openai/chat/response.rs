//! Collects a run's chunks into one answer.

use std::collections::BTreeMap;

use futures_util::{Stream, TryStreamExt};
use hayrick_types::chunk::{Chunk, ToolCallDelta};
use hayrick_types::failure::Failure;
use hayrick_types::merged::{Merged, Texts};
use hayrick_types::message::ToolCall;
use serde::Serialize;
use serde_json::value::RawValue;

use super::fields::{call_fields, choice_fields, free_fields, message_fields};
use super::summary::{Identity, Summary};
use crate::body::long_work::LongWork;
use crate::wire::usage::UsageView;

/// OpenAI's `chat.completion`.
#[derive(Debug, Serialize)]
pub(super) struct Completion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    choices: [Choice; 1],
    usage: UsageView,
    #[serde(flatten)]
    fields: BTreeMap<String, Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct Choice {
    index: u32,
    message: CompletionMessage,
    finish_reason: &'static str,
    /// `logprobs`, which is always there, and whatever else the plugin or the model added.
    #[serde(flatten)]
    others: BTreeMap<String, Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct CompletionMessage {
    role: &'static str,
    content: Option<String>,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallFields>,
    #[serde(flatten)]
    others: BTreeMap<String, Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct CallFields {
    id: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<FunctionFields>,
    #[serde(flatten)]
    others: BTreeMap<String, Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct FunctionFields {
    name: String,
    arguments: String,
}

/// The answer so far.
#[derive(Default)]
struct Collected {
    text: String,
    reasoning: String,
    tool_calls: BTreeMap<u32, ToolCall>,
    fields: BTreeMap<String, Box<RawValue>>,
    message: Merged,
    choice: Merged,
    summary: Summary,
}

/// Reads a run to its end. The runtime limits its length.
///
/// # Errors
/// The run failed; the chunks before the failure are dropped.
pub(super) async fn collect(
    mut chunks: impl Stream<Item = Result<Chunk, Failure>> + Unpin,
    identity: Identity,
    work: &LongWork,
) -> Result<Completion, Failure> {
    let mut collected = Collected::default();
    while let Some(chunk) = chunks.try_next().await? {
        // The fields of a long chunk take a while.
        let bytes = chunk.len();
        let add = move || {
            collected.add(chunk);
            collected
        };
        collected = work.run(bytes, add).await;
    }
    Ok(collected.completion(identity))
}

/// Appends. The first piece gives its buffer: many answers have only one.
fn append(text: &mut String, piece: String) {
    if text.is_empty() {
        *text = piece
    } else {
        text.push_str(&piece)
    }
}

impl Collected {
    fn add(&mut self, chunk: Chunk) {
        self.summary.note(&chunk);
        match chunk {
            Chunk::Text(text) => append(&mut self.text, text),
            Chunk::Reasoning(text) => append(&mut self.reasoning, text),
            Chunk::ToolCall(delta) => self.add_call(delta),
            Chunk::Fields(json) => {
                let fields = free_fields(&json).into_iter();
                let owned = fields.map(|(name, value)| (name.into_owned(), value.to_owned()));
                self.fields.extend(owned);
            }
            Chunk::MessageFields(json) => {
                let fields = message_fields(&json).into_iter();
                fields.for_each(|(name, piece)| self.message.add(&name, piece, Texts::Joined));
            }
            Chunk::ChoiceFields(json) => {
                let fields = choice_fields(&json).into_iter();
                fields.for_each(|(name, piece)| self.choice.add(&name, piece, Texts::Replaced));
            }
            // A whole answer cannot carry events.
            Chunk::Event(_) | Chunk::Usage(_) | Chunk::Finish(_) => {}
        }
    }

    fn add_call(&mut self, delta: ToolCallDelta) {
        let empty = || ToolCall {
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
            fields: None,
        };
        let call = self.tool_calls.entry(delta.index).or_insert_with(empty);
        call.fields = delta.fields.or(call.fields.take());
        call.id.push_str(&delta.id.unwrap_or_default());
        call.name.push_str(&delta.name.unwrap_or_default());
        append(&mut call.arguments, delta.arguments);
    }

    fn completion(self, identity: Identity) -> Completion {
        let tool_calls: Vec<_> = self
            .tool_calls
            .into_values()
            .map(CallFields::from)
            .collect();
        let has_only_calls = self.text.is_empty() && !tool_calls.is_empty();
        let message = CompletionMessage {
            role: "assistant",
            content: (!has_only_calls).then_some(self.text),
            refusal: None,
            reasoning_content: Some(self.reasoning).filter(|text| !text.is_empty()),
            tool_calls,
            others: self.message.into_members(),
        };
        let mut others = self.choice.into_members();
        let none = || RawValue::NULL.to_owned();
        others.entry("logprobs".to_owned()).or_insert_with(none);
        Completion {
            id: identity.id,
            object: "chat.completion",
            created: identity.created,
            model: identity.model,
            choices: [Choice {
                index: 0,
                message,
                finish_reason: self.summary.finish(),
                others,
            }],
            usage: self.summary.usage(),
            fields: self.fields,
        }
    }
}

impl From<ToolCall> for CallFields {
    fn from(call: ToolCall) -> CallFields {
        let others = call_fields(call.fields.as_deref());
        // A call of another type has its type and its members there.
        let is_function = !others.contains_key("type");
        let function = FunctionFields {
            name: call.name,
            arguments: call.arguments,
        };
        CallFields {
            id: call.id,
            kind: is_function.then_some("function"),
            function: is_function.then_some(function),
            others,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use hayrick_types::chunk::{Event, FinishReason, Usage};
    use hayrick_types::failure::FailureKind;
    use hayrick_types::json_line::JsonLine;
    use serde_json::{Value, json};

    use super::*;

    async fn whole(chunks: Vec<Result<Chunk, Failure>>) -> Result<Value, Failure> {
        let identity = Identity {
            id: "chatcmpl-1".to_owned(),
            created: 7,
            model: "m".to_owned(),
        };
        collect(stream::iter(chunks), identity, &LongWork::default())
            .await
            .map(|completion| serde_json::to_value(completion).unwrap())
    }

    fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Chunk {
        let (id, name) = (id.map(str::to_owned), name.map(str::to_owned));
        Chunk::ToolCall(ToolCallDelta {
            index,
            id,
            name,
            arguments: arguments.to_owned(),
            fields: None,
        })
    }

    #[tokio::test]
    async fn text_and_reasoning_are_joined() {
        let chunks = [
            Chunk::Reasoning("hm".to_owned()),
            Chunk::Text("a".to_owned()),
            Chunk::Event(Event {
                kind: "status".to_owned(),
                data: JsonLine::new("{}".to_owned()),
            }),
            Chunk::Reasoning("!".to_owned()),
            Chunk::Text("b".to_owned()),
            Chunk::Usage(Usage {
                input_tokens: 2,
                output_tokens: 3,
                details: None,
            }),
            Chunk::Fields(JsonLine::new(
                r#"{"job_id": "j", "model": "forged"}"#.to_owned(),
            )),
            Chunk::Finish(FinishReason::Length),
        ];
        let message = json!({"role": "assistant", "content": "ab", "refusal": null, "reasoning_content": "hm!"});
        let expected = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "m",
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
            "job_id": "j",
        });
        assert_eq!(whole(chunks.map(Ok).to_vec()).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn fields_of_message_and_choice_are_joined_and_replace_nothing() {
        let line = |json: &str| JsonLine::new(json.to_owned());
        let chunks = [
            Chunk::MessageFields(line(r#"{"role": "user", "images": [1]}"#)),
            Chunk::ChoiceFields(line(r#"{"index": 4, "logprobs": {"content": [1]}}"#)),
            Chunk::MessageFields(line(r#"{"images": [2], "note": "a"}"#)),
            Chunk::MessageFields(line(r#"{"note": "b"}"#)),
            Chunk::ChoiceFields(line(r#"{"logprobs": {"content": [2]}, "stop_reason": 7}"#)),
        ];
        let message = json!({"role": "assistant", "content": "", "refusal": null, "images": [1, 2], "note": "ab"});
        let expected = json!([{
            "index": 0, "message": message, "finish_reason": "stop",
            "logprobs": {"content": [1, 2]}, "stop_reason": 7,
        }]);
        assert_eq!(
            whole(chunks.map(Ok).to_vec()).await.unwrap()["choices"],
            expected
        );
    }

    #[tokio::test]
    async fn pieces_of_a_tool_call_are_joined() {
        let chunks = [
            call(1, Some("b"), Some("g"), ""),
            call(0, Some("a"), Some("f"), "{\"x\""),
            call(1, None, None, "[]"),
            call(0, None, None, ":1}"),
        ];
        let answer = whole(chunks.map(Ok).to_vec()).await.unwrap();
        let expected = json!([
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": "[]"}},
        ]);
        let choice = &answer["choices"][0];
        assert_eq!(
            (
                &choice["message"]["tool_calls"],
                &choice["message"]["content"]
            ),
            (&expected, &Value::Null)
        );
        assert_eq!(choice["finish_reason"], "tool_calls");
    }

    #[tokio::test]
    async fn an_empty_answer_is_empty_text_and_a_failure_is_an_error() {
        assert_eq!(
            whole(Vec::new()).await.unwrap()["choices"][0]["message"]["content"],
            ""
        );
        let failure = Failure::new(FailureKind::Denied, "no");
        let chunks = vec![Ok(Chunk::Text("a".to_owned())), Err(failure.clone())];
        assert_eq!(whole(chunks).await.unwrap_err(), failure);
    }
}
