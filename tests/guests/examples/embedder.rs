//! Makes embeddings by the host's model. With `forget` in a text it returns a vector too few, with
//! `infinite` one that JSON cannot have, with `refuse` it fails, and with `body` the first number says how long the body was.

use sdk::hayrick::pipeline::llm;
use sdk::{EmbeddingsRequest, Failure, invalid_input};

async fn embed(request: EmbeddingsRequest) -> Result<Vec<Vec<f32>>, Failure> {
    let has = |word: &str| request.texts.iter().any(|text| text == word);
    if has("refuse") {
        return Err(invalid_input("not this one"));
    }
    if has("infinite") {
        return Ok(vec![vec![f32::INFINITY]]);
    }
    if has("body") {
        return Ok(vec![vec![request.body.len() as f32]]);
    }
    let forgets = has("forget");
    let mut vectors = llm::embed(request.texts, None).await?;
    if forgets {
        vectors.pop();
    }
    Ok(vectors)
}

sdk::serve!(embeddings: embed);
