//! `llm`: language models, by the aliases that the operator configured.

use hayrick_services::budgets::budget::Charge;
use hayrick_services::llm::router::Llm;
use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::generation::Options;
use hayrick_types::message::Message;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{llm, types};
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::charge::{charge, charge_texts};
use crate::generation::{ChargedGeneration, GenerationSlot, next_chunk};
use crate::guest_state::GuestState;
use crate::held::held;
use crate::host_calls::{HostCall, HostCalls};
use crate::reached_limits::ReachedLimits;
use crate::run_context::RunContext;
use crate::slot::{give_back, lend, push};

/// Characters of a model name that an error message repeats.
const ALIAS_CHARS_SHOWN: usize = 64;

/// The part of a run's state that `llm` uses.
pub struct LlmView<'a> {
    pub(crate) llm: &'a Llm,
    pub(crate) run: &'a RunContext,
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
}

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = LlmView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> LlmView<'_> {
    LlmView {
        llm: &state.services.llm,
        run: &state.run,
        table: &mut state.table,
        calls: &state.calls,
    }
}

impl LlmView<'_> {
    /// Begins a call that holds `bytes`.
    fn begin(&self, bytes: usize) -> wasmtime::Result<LlmCall> {
        Ok(LlmCall {
            llm: self.llm.clone(),
            run: self.run.clone(),
            _call: self.calls.begin(bytes)?,
        })
    }

    fn begin_next(&mut self, slot: &Resource<GenerationSlot>) -> wasmtime::Result<NextCall> {
        Ok(NextCall {
            recorder: self.run.recorder.clone(),
            limits: self.run.limits.clone(),
            _call: self.calls.begin(0)?,
            generation: lend(self.table, slot)?,
        })
    }
}

/// One call of `llm`: what it needs while it waits.
struct LlmCall {
    llm: Llm,
    run: RunContext,
    _call: HostCall,
}

impl LlmCall {
    async fn generate(
        self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> Result<types::Answer, types::Failure> {
        let (messages, options, mut charge) = self.prepare(messages, options)?;
        let count = |chunk: &Chunk| charge.as_mut().map_or(Ok(()), |charge| charge.chunk(chunk));
        let answer = self.llm.generate_counted(messages, options, count).await;
        let answer = self.run.limits.for_guest(answer)?;
        if let (Some(usage), Some(recorder)) = (&answer.usage, &self.run.recorder) {
            recorder.usage(usage);
        }
        Ok(answer.into())
    }

    async fn generate_stream(
        self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> Result<GenerationSlot, types::Failure> {
        let (messages, options, charge) = self.prepare(messages, options)?;
        let generation = self.llm.generate_stream(messages, options).await;
        let generation = self.run.limits.for_guest(generation)?;
        Ok(GenerationSlot::new(ChargedGeneration {
            generation,
            charge,
        }))
    }

    async fn embed(
        self,
        texts: Vec<String>,
        model: Option<String>,
    ) -> Result<Vec<Vec<f32>>, types::Failure> {
        let model = self.run.limits.for_guest(self.granted(model))?;
        let charge = charge_texts(self.run.budget.as_ref(), &texts);
        let _charge = self.run.limits.for_guest(charge)?;
        let made = self.llm.embed(texts, model, None).await;
        Ok(self.run.limits.for_guest(made)?.vectors)
    }

    /// Checks a request: the model must be granted. Limits `max_tokens` to what is left of the
    /// budget.
    fn prepare(
        &self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> Result<(Vec<Message>, Options, Option<Charge>), types::Failure> {
        let messages: Vec<Message> = messages.into_iter().map(Into::into).collect();
        let mut options: Options = options.into();
        options.model = self.run.limits.for_guest(self.granted(options.model))?;
        let charge = charge(self.run.budget.as_ref(), &messages, &mut options);
        let charge = self.run.limits.for_guest(charge)?;
        Ok((messages, options, charge))
    }

    /// Checks that an alias is granted. Without one, chooses the first granted alias.
    fn granted(&self, model: Option<String>) -> Result<Option<String>, Failure> {
        let Some(aliases) = &self.run.policy.models.aliases else {
            return Ok(model);
        };
        match model {
            None => Ok(aliases.first().cloned()),
            Some(model) if aliases.contains(&model) => Ok(Some(model)),
            Some(model) => {
                let model: String = model.chars().take(ALIAS_CHARS_SHOWN).collect();
                let text = format!(
                    "the model '{model}' is not granted to this plugin; it may use {}",
                    aliases.join(", ")
                );
                Err(Failure::new(FailureKind::Denied, text))
            }
        }
    }
}

/// One call of `next`. The generation is out of its slot while the call waits. There is one call
/// per token, so this copies only what `next` needs.
struct NextCall {
    generation: ChargedGeneration,
    recorder: Option<TaskRecorder>,
    limits: ReachedLimits,
    _call: HostCall,
}

impl NextCall {
    async fn next(&mut self) -> Result<Option<types::Chunk>, types::Failure> {
        let next = next_chunk(&mut self.generation, self.recorder.as_ref()).await;
        Ok(self.limits.for_guest(next)?.map(Into::into))
    }
}

/// What a request to a model holds: its messages and options, and the body that is made of them.
fn request_bytes(messages: &Vec<types::Message>, options: &types::Options) -> usize {
    2 * (held(messages) + held(options))
}

/// What texts hold, and the body that is made of them.
fn text_bytes(texts: &Vec<String>, model: &Option<String>) -> usize {
    2 * held(texts) + held(model)
}

impl llm::Host for LlmView<'_> {}

impl<T> llm::HostWithStore<T> for HasView {
    async fn generate(
        accessor: &Accessor<T, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<types::Answer, types::Failure>> {
        let call =
            accessor.with(|mut access| access.get().begin(request_bytes(&messages, &options)))?;
        Ok(call.generate(messages, options).await)
    }

    async fn generate_stream(
        accessor: &Accessor<T, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<Resource<GenerationSlot>, types::Failure>> {
        let call =
            accessor.with(|mut access| access.get().begin(request_bytes(&messages, &options)))?;
        let started = call.generate_stream(messages, options).await;
        accessor.with(|mut access| push(access.get().table, started))
    }

    async fn embed(
        accessor: &Accessor<T, Self>,
        texts: Vec<String>,
        model: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, types::Failure>> {
        let bytes = text_bytes(&texts, &model);
        let call = accessor.with(|mut access| access.get().begin(bytes))?;
        Ok(call.embed(texts, model).await)
    }
}

impl llm::HostGeneration for LlmView<'_> {
    fn drop(&mut self, slot: Resource<GenerationSlot>) -> wasmtime::Result<()> {
        self.table.delete(slot)?;
        Ok(())
    }
}

impl<T> llm::HostGenerationWithStore<T> for HasView {
    async fn next(
        accessor: &Accessor<T, Self>,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<Result<Option<types::Chunk>, types::Failure>> {
        let mut call = accessor.with(|mut access| access.get().begin_next(&slot))?;
        let next = call.next().await;
        accessor.with(|mut access| give_back(access.get().table, &slot, call.generation))?;
        Ok(next)
    }
}

impl sync::llm::Host for LlmView<'_> {
    async fn generate(
        &mut self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<types::Answer, types::Failure>> {
        let call = self.begin(request_bytes(&messages, &options))?;
        Ok(call.generate(messages, options).await)
    }

    async fn generate_stream(
        &mut self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<Resource<GenerationSlot>, types::Failure>> {
        let call = self.begin(request_bytes(&messages, &options))?;
        let started = call.generate_stream(messages, options).await;
        push(self.table, started)
    }

    async fn embed(
        &mut self,
        texts: Vec<String>,
        model: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, types::Failure>> {
        let call = self.begin(text_bytes(&texts, &model))?;
        Ok(call.embed(texts, model).await)
    }
}

impl sync::llm::HostGeneration for LlmView<'_> {
    async fn next(
        &mut self,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<Result<Option<types::Chunk>, types::Failure>> {
        let mut call = self.begin_next(&slot)?;
        let next = call.next().await;
        give_back(self.table, &slot, call.generation)?;
        Ok(next)
    }

    async fn drop(&mut self, slot: Resource<GenerationSlot>) -> wasmtime::Result<()> {
        llm::HostGeneration::drop(self, slot)
    }
}
