//! `POST /chat/completions`: from a request to a run, and from its chunks to a whole answer or a
//! stream of frames.

mod fields;
mod frame;
mod message;
mod model;
mod request;
mod response;
pub(super) mod summary;
mod wire;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use hayrick_runtime::guest_call::ClientRequest;
use hayrick_runtime::run_stream::RunStream;
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;

use self::frame::FrameWriter;
use self::request::{Delivery, ParsedRequest};
use self::summary::Identity;
use super::received::{Received, receive, refusal, start};
use crate::body::answer_stream;
use crate::body::long_work::LONG_BYTES;
use crate::edge::request_id;
use crate::error::ApiError;
use crate::gate::access::Access;
use crate::sse;
use crate::state::ApiState;
use crate::wire::json;

/// Answers one chat completion. A client that hangs up drops this future, or the body it returned,
/// and with it the run.
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
    let request = parse(state, &access, body, &head.headers).await?;
    access.check_pipeline(&request.chat.model)?;
    let pipeline = request.chat.model.clone();
    let identity = Identity::new(run, pipeline.clone());
    let chat = ClientRequest::Chat(request.chat);
    let (chunks, trace) = start(state, run, &head, &pipeline, chat).await?;
    match request.delivery {
        Delivery::Whole => {
            let answer = response::collect(chunks, identity, state.long_work()).await?;
            Ok(json::ok(&answer))
        }
        Delivery::Stream(options) => {
            let frames = FrameWriter::new(&identity, options);
            let keep_alive = state.settings().keep_alive_interval;
            let body =
                answer_stream::body(chunks, RunStream::spawn, frames, keep_alive, trace).await?;
            Ok(sse::response(body))
        }
    }
}

/// Parses the request; a long one only if the client may use its pipeline and it is there.
async fn parse(
    state: &ApiState,
    access: &Access,
    body: String,
    headers: &HeaderMap,
) -> Result<ParsedRequest, ApiError> {
    let (bytes, work) = (body.len(), state.long_work());
    let (body, model) = if bytes < LONG_BYTES {
        (body, None)
    } else {
        let find = move || (model::find(&body), body);
        let (model, body) = work.run(bytes, find).await;
        (body, model)
    };
    if let Some(model) = model {
        access.check_pipeline(&model)?;
        if !state.runtime().is_model(&model) {
            let served = state.runtime().check(&model, Export::Chat);
            served.map_err(refusal)?;
        }
    }
    let (headers, depth_max) = (state.forwarded(headers), state.settings().json_depth_max);
    work.run(bytes, move || request::parse(body, headers, depth_max))
        .await
}
