//! Models that clients ask directly, by the aliases that the operator made public. They have a name,
//! a policy, places for runs and a record like a pipeline, and no plugin.

use std::collections::BTreeMap;
use std::sync::Arc;

use hayrick_capabilities::charge::charge;
use hayrick_capabilities::generation::{ChargedGeneration, next_chunk};
use hayrick_capabilities::output::{OutputSender, channel};
use hayrick_capabilities::services::Services;
use hayrick_services::budgets::budget::Budget;
use hayrick_services::llm::router::Llm;
use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::contract::Export;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::generation::Options;
use hayrick_types::id::{PipelineName, RunId};
use hayrick_types::json_line::members;
use hayrick_types::limit_name::LimitName;
use hayrick_types::pipeline::{PipelineState, PipelineStatus};
use hayrick_types::policy::Policy;
use hayrick_types::request::ChatRequest;
use hayrick_types::task::TaskStart;
use serde_json::value::RawValue;

use crate::admission::RunPlaces;
use crate::api_output::{ApiOutput, Returns};
use crate::instance::took_too_long;
use crate::pipeline::Pipeline;
use crate::registry::Registry;
use crate::run_stream::RunStream;
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

    /// The aliases, in order.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Whether a client may ask this model, unless a pipeline has its name.
    pub(crate) fn has(&self, alias: &str) -> bool {
        self.0.contains_key(alias)
    }

    /// The runs of a model, as the status of a pipeline.
    pub(crate) fn status(&self, alias: &str) -> Option<PipelineStatus> {
        let model = self.0.get(alias)?;
        Some(PipelineStatus {
            state: PipelineState::Ready,
            ..model.status()
        })
    }

    /// Asks a model for its answer to a chat.
    ///
    /// # Errors
    /// `not-found` if it is not public, `limit` if too many runs are waiting already, `failed` if
    /// its policy is invalid.
    pub(crate) async fn answer(
        &self,
        registry: &Registry,
        services: &Services,
        id: RunId,
        request: ChatRequest,
    ) -> Result<RunStream, Failure> {
        let Some(model) = self.0.get(&request.model) else {
            return Err(Failure::new(
                FailureKind::NotFound,
                "there is no such model",
            ));
        };
        let messages = u32::try_from(request.messages.len()).unwrap_or(u32::MAX);
        let recorder = services.tasks.begin(TaskStart {
            id,
            pipeline: model.name().as_str(),
            kind: Export::Chat,
            messages: Some(messages),
            files: None,
            job: None,
        });
        let policy = registry.policy(model.name()).await;
        let policy = policy
            .map_err(|error| Failure::new(FailureKind::Failed, format!("of this model, {error}")));
        let policy = policy.inspect_err(|failure| recorder.finish(Err(failure)))?;
        model.set_places(RunPlaces::of(&policy.limits, 0));
        let active = model
            .enter()
            .await
            .inspect_err(|failure| recorder.finish(Err(failure)))?;
        let (sender, receiver) = channel(output_limits(&policy.limits));
        let asking = Asking {
            llm: services.llm.clone(),
            budget: services
                .budgets
                .begin(model.name().as_str(), &policy.models),
            recorder: recorder.clone(),
            policy,
            sender,
        };
        let running = async move {
            recorder.processing();
            let outcome = asking.answer(request).await;
            let outcome = outcome.map_err(|failure| active.failed(failure, id));
            recorder.finish(outcome.as_ref().copied());
            outcome
        };
        let returns = Returns::default();
        returns.put(ApiOutput::Sent);
        Ok(RunStream::new(running, receiver, NO_VERSION, returns))
    }
}

/// One request to a model.
struct Asking {
    llm: Llm,
    budget: Option<Budget>,
    recorder: TaskRecorder,
    policy: Arc<Policy>,
    sender: OutputSender,
}

impl Asking {
    async fn answer(self, request: ChatRequest) -> Result<(), Failure> {
        let max = self.policy.limits.wall_time_max;
        let answered = tokio::time::timeout(max, self.forward(request)).await;
        answered.unwrap_or_else(|_| Err(took_too_long(max, LimitName::WallTimeMax)))
    }

    async fn forward(&self, request: ChatRequest) -> Result<(), Failure> {
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
        Ok(())
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
