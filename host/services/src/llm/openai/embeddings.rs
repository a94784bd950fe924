//! `/embeddings`: the request and the vectors of its answer.

use bytes::Bytes;
use hayrick_types::embeddings::Embeddings;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    index: usize,
    embedding: Vec<f32>,
}

/// The body of a request.
///
/// # Errors
/// Never in practice.
pub(crate) fn encode(
    model: &str,
    texts: &[String],
    dimensions: Option<u32>,
) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(&Body {
        model,
        input: texts,
        encoding_format: "float",
        dimensions,
    })
    .map(Bytes::from)
}

/// The vectors of an answer and the tokens that the model counted, in the order of the texts.
///
/// # Errors
/// It is not a response of this endpoint.
pub(crate) fn decode(body: &[u8]) -> Result<Embeddings, serde_json::Error> {
    let mut answer: Answer = serde_json::from_slice(body)?;
    // Stable, so that upstreams which send no index keep their order.
    answer.data.sort_by_key(|item| item.index);
    let tokens = |usage: Usage| usage.prompt_tokens.or(usage.total_tokens);
    Ok(Embeddings {
        vectors: answer.data.into_iter().map(|item| item.embedding).collect(),
        tokens: answer.usage.and_then(tokens),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        let body =
            br#"{"data":[{"index":1,"embedding":[2.0]},{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":5}}"#;
        let made = decode(body).unwrap();
        assert_eq!(made.vectors, [[1.0], [2.0]]);
        assert_eq!(made.tokens, Some(5));
        assert!(decode(b"{}").is_err());
    }
}
