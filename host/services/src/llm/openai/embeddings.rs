//! `/embeddings`: the request and the vectors of its answer.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
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
pub(crate) fn encode(model: &str, texts: &[String]) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(&Body {
        model,
        input: texts,
        encoding_format: "float",
    })
    .map(Bytes::from)
}

/// The vectors of an answer, in the order of the texts.
///
/// # Errors
/// It is not a response of this endpoint.
pub(crate) fn decode(body: &[u8]) -> Result<Vec<Vec<f32>>, serde_json::Error> {
    let mut answer: Answer = serde_json::from_slice(body)?;
    // Stable, so that upstreams which send no index keep their order.
    answer.data.sort_by_key(|item| item.index);
    Ok(answer.data.into_iter().map(|item| item.embedding).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        let body =
            br#"{"data":[{"index":1,"embedding":[2.0]},{"index":0,"embedding":[1]}],"usage":{}}"#;
        assert_eq!(decode(body).unwrap(), [[1.0], [2.0]]);
        assert!(decode(b"{}").is_err());
    }
}
