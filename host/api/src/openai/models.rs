//! `/models`: the pipelines that can chat, and the models that clients may ask directly.

use axum::extract::{Extension, State};
use axum::response::Response;
use hayrick_types::pipeline::{PipelineState, PipelineStatus};
use serde::Serialize;

use crate::error::ApiError;
use crate::gate::access::Access;
use crate::state::ApiState;
use crate::wire::json;
use crate::wire::params::PathParams;

/// A pipeline as OpenAI shows a model.
#[derive(Debug, PartialEq, Serialize)]
struct Model {
    id: String,
    /// The id once more, as Hayhooks and Open WebUI show it.
    name: String,
    object: &'static str,
    /// Unix time, seconds.
    created: u64,
    owned_by: &'static str,
}

impl Model {
    /// A model without a plugin; nobody knows since when there is one.
    fn direct(id: String) -> Model {
        Model {
            name: id.clone(),
            id,
            object: "model",
            created: 0,
            owned_by: "hayrick",
        }
    }
}

#[derive(Serialize)]
struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

/// `GET /models`.
pub(crate) async fn list(
    State(state): State<ApiState>,
    Extension(access): Extension<Access>,
) -> Response {
    let pipelines = state
        .runtime()
        .pipelines()
        .into_iter()
        .filter(|pipeline| access.may_use(&pipeline.name));
    let names = state.runtime().models().into_iter();
    let models = names.filter(|name| access.may_use(name)).map(Model::direct);
    let data = pipelines.filter_map(model).chain(models).collect();
    json::ok(&ModelList {
        object: "list",
        data,
    })
}

/// `GET /models/{id}`.
pub(crate) async fn one(
    State(state): State<ApiState>,
    PathParams(id): PathParams<String>,
) -> Result<Response, ApiError> {
    let direct = state.runtime().is_model(&id);
    let pipeline = state.runtime().pipeline(&id);
    let model = pipeline
        .and_then(model)
        .or_else(|| direct.then(|| Model::direct(id.clone())))
        .ok_or_else(|| ApiError::unknown_pipeline(&id, "GET /v1/models"))?;
    Ok(json::ok(&model))
}

fn model(pipeline: PipelineStatus) -> Option<Model> {
    let version = pipeline
        .version
        .filter(|version| version.exports.iter().any(|export| is_chat(export)))?;
    let is_ready = pipeline.state == PipelineState::Ready;
    is_ready.then_some(Model {
        id: pipeline.name.clone(),
        name: pipeline.name,
        object: "model",
        created: version.deployed_at,
        owned_by: "hayrick",
    })
}

/// Whether an export is the interface `chat`, of any package and version that the runtime accepts.
fn is_chat(export: &str) -> bool {
    export
        .split('@')
        .next()
        .is_some_and(|path| path.ends_with("/chat"))
}

#[cfg(test)]
mod tests {
    use hayrick_types::pipeline::Version;

    use super::*;

    fn pipeline(state: PipelineState, exports: &[&str]) -> PipelineStatus {
        let version = Version {
            digest: String::new(),
            number: 1,
            size_bytes: 1,
            deployed_at: 1_700_000_000,
            compile_ms: 0,
            from_cache: false,
            setup_ms: 0,
            exports: exports.iter().map(|&export| export.to_owned()).collect(),
            imports: Vec::new(),
        };
        PipelineStatus {
            name: "x".to_owned(),
            state,
            version: Some(version),
            last_error: None,
            active_runs: 0,
            total_runs: 0,
            failed_runs: 0,
        }
    }

    #[test]
    fn a_model_is_a_pipeline_that_is_ready_and_can_chat() {
        let expected = Model {
            id: "x".to_owned(),
            name: "x".to_owned(),
            object: "model",
            created: 1_700_000_000,
            owned_by: "hayrick",
        };
        let chat = [
            "hayrick:pipeline/lifecycle@0.1.0",
            "hayrick:pipeline-sync/chat@0.1.0",
        ];
        assert_eq!(model(pipeline(PipelineState::Ready, &chat)), Some(expected));
        assert_eq!(model(pipeline(PipelineState::Failed, &chat)), None);
        assert_eq!(model(pipeline(PipelineState::Ready, &chat[..1])), None);
    }
}
