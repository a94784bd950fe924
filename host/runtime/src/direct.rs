//! Models that clients ask directly, by the aliases that the operator made public. They have a name,
//! a policy, places for runs and a record like a pipeline, and no plugin.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hayrick_capabilities::charge::{charge, charge_texts};
use hayrick_capabilities::generation::{ChargedGeneration, next_chunk};
use hayrick_capabilities::output::{OutputSender, channel};
use hayrick_capabilities::reached_limits::ReachedLimits;
use hayrick_capabilities::services::Services;
use hayrick_services::budgets::budget::Budget;
use hayrick_services::llm::router::Llm;
use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::generation::Options;
use hayrick_types::id::{PipelineName, RunId};
use hayrick_types::json_line::members;
use hayrick_types::limit_name::LimitName;
use hayrick_types::pipeline::{PipelineState, PipelineStatus};
use hayrick_types::policy::Policy;
use hayrick_types::request::{ChatRequest, EmbeddingsRequest};
use serde_json::value::RawValue;

use crate::admission::RunPlaces;
use crate::api_output::{ApiOutput, Returns};
use crate::guest_call::ClientRequest;
use crate::instance::took_too_long;
use crate::pipeline::Pipeline;
use crate::registry::Registry;
use crate::run_stream::RunStream;
use crate::serving::not_exported;
use crate::version::output_limits;

/// Fields of a request that the host writes itself: it asks the model in its own way, and answers
/// as the client asked.
const OF_THE_HOST: [&str; 6] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "events",
];
/// The number of the version of a model, which has none.
const NO_VERSION: u64 = 0;

/// The public models by alias.
pub(crate) struct Direct(BTreeMap<String, Arc<Pipeline>>);

impl Direct {
    /// The public models of `llm`. Their runs take places of the host like those of pipelines.
    pub(crate) fn new(llm: &Llm, registry: &Registry) -> Direct {
        let names = llm.public_aliases().into_iter();
        let models = names.filter_map(|alias| {
            let name = PipelineName::parse(&alias).ok()?;
            Some((alias, registry.fresh(name)))
        });
        Direct(models.collect())
    }

    /// The models, by alias in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&String, &Arc<Pipeline>)> {
        self.0.iter()
    }

    /// The model of that alias, which a client may ask unless a pipeline has its name.
    pub(crate) fn get(&self, alias: &str) -> Option<&Arc<Pipeline>> {
        self.0.get(alias)
    }
}

/// The runs of a model, as the status of a pipeline.
pub(crate) fn status(model: &Pipeline) -> PipelineStatus {
    PipelineStatus {
        state: PipelineState::Ready,
        ..model.status()
    }
}

/// Asks a model for a chat or for embeddings.
///
/// # Errors
/// `limit` if too many runs are waiting already, `failed` if its policy is invalid.
pub(crate) async fn answer(
    model: &Arc<Pipeline>,
    registry: &Registry,
    services: &Services,
    id: RunId,
    request: ClientRequest,
) -> Result<RunStream, Failure> {
    let recorder = services
        .tasks
        .begin(request.task(id, model.name().as_str()));
    let policy = registry.policy(model.name()).await;
    let policy = policy.map_err(|error| {
        let text = format!(
            "the model '{}' cannot answer: {error}",
            model.name().as_str()
        );
        Failure::new(FailureKind::Failed, text)
    });
    let policy = policy.inspect_err(|failure| recorder.finish(Err(failure)))?;
    model.set_places(RunPlaces::of(&policy.limits, 0));
    let active = model
        .enter()
        .await
        .inspect_err(|failure| recorder.finish(Err(failure)))?;
    let (sender, receiver) = channel(output_limits(&policy.limits));
    let asking = Asking {
        alias: model.name().as_str().to_owned(),
        llm: services.llm.clone(),
        budget: services
            .budgets
            .begin(model.name().as_str(), &policy.models),
        recorder: recorder.clone(),
        policy,
        sender,
    };
    let share = model.share();
    let returns = Returns::default();
    let returned = returns.clone();
    let running = async move {
        recorder.processing();
        let start = Instant::now();
        let outcome = asking.answer(request).await;
        share.metrics().ended(start.elapsed(), Duration::ZERO);
        if let Err(failure) = &outcome {
            ReachedLimits::new(share).count_end(failure.limit);
        }
        let outcome = outcome.map_err(|failure| active.failed(failure, id));
        recorder.finish(outcome.as_ref().map(|_| ()));
        outcome.map(|output| returned.put(output))
    };
    Ok(RunStream::new(running, receiver, NO_VERSION, returns))
}

/// One request to a model.
struct Asking {
    alias: String,
    llm: Llm,
    budget: Option<Budget>,
    recorder: TaskRecorder,
    policy: Arc<Policy>,
    sender: OutputSender,
}

impl Asking {
    async fn answer(self, request: ClientRequest) -> Result<ApiOutput, Failure> {
        let max = self.policy.limits.wall_time_max;
        let answer = async {
            match request {
                ClientRequest::Chat(request) => self.forward(request).await,
                ClientRequest::Embeddings(request) => self.embed(request).await,
                // A model has no other routes, so nobody asks.
                other => Err(not_exported(&self.alias, other.export())),
            }
        };
        let answered = tokio::time::timeout(max, answer).await;
        answered.unwrap_or_else(|_| Err(took_too_long(max, LimitName::WallTimeMax)))
    }

    async fn forward(&self, request: ChatRequest) -> Result<ApiOutput, Failure> {
        let mut options = Options {
            model: Some(request.model),
            extra: Some(parameters(&request.body)),
            ..Options::default()
        };
        let charge = charge(self.budget.as_ref(), &request.messages, &mut options)?;
        let generation = self.llm.generate_stream(request.messages, options).await?;
        let mut generation = ChargedGeneration { generation, charge };
        while let Some(chunk) = next_chunk(&mut generation, Some(&self.recorder)).await? {
            self.recorder.chunk(&chunk);
            self.sender.send(chunk).await?;
        }
        Ok(ApiOutput::Sent)
    }

    async fn embed(&self, request: EmbeddingsRequest) -> Result<ApiOutput, Failure> {
        let _charge = charge_texts(self.budget.as_ref(), &request.texts)?;
        let (texts, model) = (request.texts, Some(request.model));
        let made = self.llm.embed(texts, model, request.dimensions).await?;
        ApiOutput::Vectors(made).checked(self.policy.limits.output_bytes_max, false)
    }
}

/// Every field of the request that a model may read, as the client wrote it.
fn parameters(body: &str) -> String {
    let mut fields = members(body);
    fields.retain(|(name, _)| !OF_THE_HOST.contains(&&**name));
    let fields: BTreeMap<_, &RawValue> = fields.into_iter().collect();
    // Names and JSON can always be written.
    serde_json::to_string(&fields).unwrap_or_default()
}
