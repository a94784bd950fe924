//! `POST /completions`: the form before chats. A pipeline that chats answers the prompt as one
//! message of a user.

mod frame;
mod request;

use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::{Stream, TryStreamExt};
use hayrick_runtime::guest_call::ClientRequest;
use hayrick_runtime::run_stream::RunStream;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;
use hayrick_types::id::RunId;
use serde::Serialize;

use self::frame::FrameWriter;
use self::request::ParsedRequest;
use super::chat::summary::{Identity, Summary};
use super::received::{Received, receive, start};
use crate::body::{answer_stream, parsing};
use crate::edge::request_id;
use crate::error::ApiError;
use crate::sse;
use crate::state::ApiState;
use crate::wire::json;
use crate::wire::usage::UsageView;

/// OpenAI's `text_completion`.
#[derive(Serialize)]
struct Completion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    choices: [Choice; 1],
    usage: UsageView,
}

#[derive(Serialize)]
struct Choice {
    text: String,
    index: u32,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

/// Answers a prompt. A client that hangs up drops this future, or the body it returned, and with it
/// the run.
pub(crate) async fn complete(State(state): State<ApiState>, request: Request) -> Response {
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
    let headers = state.forwarded(&head.headers);
    let depth_max = state.settings().json_depth_max;
    let parse = move |body: String| request::parse(&body, headers, depth_max);
    let ParsedRequest {
        chat,
        echo,
        stream,
        usage,
    } = parsing::parse(state, &head.extensions, body, parse).await?;
    access.check_pipeline(&chat.model)?;
    let model = chat.model.clone();
    let identity = Identity::of_text(run, model.clone());
    let chat = ClientRequest::Chat(chat);
    let (chunks, trace) = start(state, run, &head, &model, chat).await?;
    if !stream {
        return Ok(json::ok(&collect(chunks, identity, echo).await?));
    }
    let frames = FrameWriter::new(identity, echo, usage);
    let keep_alive = state.settings().keep_alive_interval;
    let body = answer_stream::body(chunks, RunStream::spawn, frames, keep_alive, trace).await?;
    Ok(sse::response(body))
}

/// Reads a run to its end. The runtime limits its length.
async fn collect(
    mut chunks: impl Stream<Item = Result<Chunk, Failure>> + Unpin,
    identity: Identity,
    mut text: String,
) -> Result<Completion, Failure> {
    let mut summary = Summary::default();
    while let Some(chunk) = chunks.try_next().await? {
        summary.note(&chunk);
        if let Chunk::Text(piece) = chunk {
            text.push_str(&piece);
        }
    }
    Ok(Completion {
        id: identity.id,
        object: "text_completion",
        created: identity.created,
        model: identity.model,
        choices: [Choice {
            text,
            index: 0,
            logprobs: None,
            finish_reason: summary.finish(),
        }],
        usage: summary.usage(),
    })
}
