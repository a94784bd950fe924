//! What the fake model server writes and reads.

use super::{TOKENS, USAGE};

/// The batch item in a request body: the text before the line with the instruction.
pub fn item(body: &str) -> &str {
    let rest = body
        .split_once("Process this item: ")
        .map_or("", |(_, rest)| rest);
    rest.split_once("\\n").map_or(rest, |(item, _)| item)
}

/// A whole answer.
pub fn whole() -> String {
    let (text, (prompt, completion)) = (TOKENS.concat(), USAGE);
    format!(
        "{{\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion}}}}}"
    )
}

/// One vector per text (texts must not contain quotes or commas): 0, 1, 2…, last first.
pub fn embeddings(body: &str) -> String {
    let input = body
        .split_once("\"input\":[")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(input, _)| input);
    let items = (0..input.split(',').count())
        .rev()
        .map(|index| format!("{{\"index\":{index},\"embedding\":[{index},0.5]}}"));
    format!("{{\"data\":[{}]}}", items.collect::<Vec<_>>().join(","))
}

/// An event with one token.
pub fn event(token: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"fake-model\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{token}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

/// Finish reason, usage and `[DONE]`.
pub fn last_events() -> String {
    let (prompt, completion) = USAGE;
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n\
         data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion}}}}}\n\n\
         data: [DONE]\n\n"
    )
}
