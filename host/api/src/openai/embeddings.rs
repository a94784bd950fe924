//! `POST /embeddings`: texts in, a vector for each out.

use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt;
use hayrick_runtime::api_output::ApiOutput;
use hayrick_runtime::guest_call::ClientRequest;
use hayrick_services::budgets::budget::tokens_in;
use hayrick_types::embeddings::Embeddings;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;
use hayrick_types::limit_name::LimitName;
use hayrick_types::request::EmbeddingsRequest;
use serde::Serialize;
use serde_json::{Map, Value};

use super::received::{Received, receive, start};
use crate::body::{depth, parsing};
use crate::edge::request_id;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::wire::json;

/// Texts of a request; OpenAI takes as many.
const TEXTS_MAX: usize = 2048;
/// About how many bytes a number of a vector takes when it is written.
const NUMBER_BYTES: usize = 12;

/// How the client wants its vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Float,
    /// Base64 of little-endian numbers: what OpenAI's own clients ask for.
    Base64,
}

/// A request, read.
#[derive(Debug)]
struct Parsed {
    request: EmbeddingsRequest,
    encoding: Encoding,
}

#[derive(Serialize)]
struct EmbeddingList {
    object: &'static str,
    data: Vec<Embedding>,
    model: String,
    usage: EmbeddingUsage,
}

#[derive(Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Float(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct EmbeddingUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Makes embeddings. A client that hangs up drops this future, and with it the run.
pub(crate) async fn create(State(state): State<ApiState>, request: Request) -> Response {
    let run = request_id::run_of(&request);
    let result = answer(&state, run, request).await;
    request_id::response_of_run(run, result)
}

async fn answer(state: &ApiState, run: RunId, request: Request) -> Result<Response, ApiError> {
    let Received {
        head,
        access,
        body,
        held: _held,
    } = receive(state, request).await?;
    let (headers, depth_max) = (
        state.forwarded(&head.headers),
        state.settings().json_depth_max,
    );
    let parse = move |body| parse(body, headers, depth_max);
    let parsed = parsing::parse(state, &head.extensions, body, parse).await?;
    let Parsed { request, encoding } = parsed;
    let model = request.model.clone();
    access.check_pipeline(&model)?;
    let bytes: u64 = request.texts.iter().map(|text| text.len() as u64).sum();
    let texts = request.texts.len();
    let request = ClientRequest::Embeddings(request);
    let (mut chunks, _) = start(state, run, &head, &model, request).await?;
    // Nobody would read a chunk.
    while chunks.try_next().await?.is_some() {}
    let made = vectors(chunks.returns().take(), texts)?;
    let tokens = made.tokens.unwrap_or_else(|| tokens_in(bytes));
    let written = made.vectors.iter().map(Vec::len).sum::<usize>() * NUMBER_BYTES;
    let list = move || json::ok(&list(made, model, encoding, tokens));
    Ok(state.long_work().run(written, list).await)
}

/// The vectors of a run, one for each text.
fn vectors(output: ApiOutput, texts: usize) -> Result<Embeddings, Failure> {
    match output {
        ApiOutput::Vectors(made) if has_gaps(&made) => Err(Failure::new(
            FailureKind::Failed,
            "a number of a vector is not finite",
        )),
        ApiOutput::Vectors(made) if made.vectors.len() == texts => Ok(made),
        ApiOutput::Vectors(made) => Err(Failure::new(
            FailureKind::Failed,
            format!(
                "the plugin returned {} vectors for {texts} texts",
                made.vectors.len()
            ),
        )),
        _ => Err(Failure::new(
            FailureKind::Failed,
            "the plugin returned no vectors",
        )),
    }
}

/// JSON has no such numbers, and nobody can compare vectors with them.
fn has_gaps(made: &Embeddings) -> bool {
    let numbers = made.vectors.iter().flatten();
    numbers.into_iter().any(|number| !number.is_finite())
}

fn list(made: Embeddings, model: String, encoding: Encoding, tokens: u64) -> EmbeddingList {
    let vectors = made.vectors.into_iter().enumerate();
    let data = vectors.map(|(index, vector)| Embedding {
        object: "embedding",
        index,
        embedding: match encoding {
            Encoding::Float => Vector::Float(vector),
            Encoding::Base64 => Vector::Base64(base64(&vector)),
        },
    });
    EmbeddingList {
        object: "list",
        data: data.collect(),
        model,
        usage: EmbeddingUsage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
    }
}

fn base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

/// Reads a request.
///
/// # Errors
/// 400, with the field that is wrong.
fn parse(
    body: String,
    headers: Vec<(String, String)>,
    depth_max: usize,
) -> Result<Parsed, ApiError> {
    depth::check(&body, depth_max)?;
    let fields: Map<String, Value> = serde_json::from_str(&body)
        .map_err(|error| ApiError::invalid(format!("the body is not JSON: {error}"), None))?;
    let field = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let Some(Value::String(model)) = field("model") else {
        let text = "model is missing or not a text: name one of GET /v1/models";
        return Err(ApiError::invalid(text, Some("model")));
    };
    let dimensions = field("dimensions").map(dimensions).transpose()?;
    let encoding = match field("encoding_format").map(|value| value.as_str()) {
        None | Some(Some("float")) => Encoding::Float,
        Some(Some("base64")) => Encoding::Base64,
        Some(_) => {
            let text = "encoding_format is neither \"float\" nor \"base64\"";
            return Err(ApiError::invalid(text, Some("encoding_format")));
        }
    };
    let (model, texts) = (model.clone(), texts(field("input"))?);
    let request = EmbeddingsRequest {
        model,
        texts,
        dimensions,
        body,
        headers,
    };
    Ok(Parsed { request, encoding })
}

/// A whole number, also as `256.0`.
fn dimensions(value: &Value) -> Result<u32, ApiError> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0);
    let number = number.filter(|number| (1.0..=65535.0).contains(number));
    number.map(|number| number as u32).ok_or_else(|| {
        let text = "dimensions is not a whole number from 1 to 65535";
        ApiError::invalid(text, Some("dimensions"))
    })
}

fn texts(input: Option<&Value>) -> Result<Vec<String>, ApiError> {
    let invalid = |text: &str| Err(ApiError::invalid(text, Some("input")));
    match input {
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(items)) if items.len() > TEXTS_MAX => {
            let text = format!(
                "input has more than {TEXTS_MAX} texts (embedding_texts_max): send them in several \
                 requests"
            );
            let error = ApiError::invalid(text, Some("input"));
            Err(error.limit(LimitName::EmbeddingTextsMax))
        }
        Some(Value::Array(items)) if !items.is_empty() => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            texts.map_or_else(
                || invalid("input has an item that is not a text: send texts instead of tokens"),
                Ok,
            )
        }
        _ => invalid("input is missing or empty: send a text or a list of texts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_field() {
        for (body, param, words) in [
            (r#"{"input": "a"}"#, "model", "/v1/models"),
            (r#"{"model": "m"}"#, "input", "missing"),
            (r#"{"model": "m", "input": []}"#, "input", "empty"),
            (r#"{"model": "m", "input": [1, 2]}"#, "input", "tokens"),
            (
                r#"{"model": "m", "input": "a", "dimensions": 0}"#,
                "dimensions",
                "65535",
            ),
            (
                r#"{"model": "m", "input": "a", "encoding_format": "x"}"#,
                "encoding_format",
                "base64",
            ),
        ] {
            let error = parse(body.to_owned(), Vec::new(), 10).unwrap_err();
            let shown = serde_json::to_value(error.body()).unwrap();
            assert_eq!(shown["error"]["param"], param, "{body}");
            assert!(error.message().contains(words), "{body}: {error:?}");
        }
        let many = serde_json::json!({"model": "m", "input": vec!["a"; TEXTS_MAX + 1]});
        assert!(parse(many.to_string(), Vec::new(), 10).is_err());
    }

    #[test]
    fn numbers_are_little_endian_in_base64() {
        assert_eq!(base64(&[1.0, -2.0]), "AACAPwAAAMA=");
    }
}
