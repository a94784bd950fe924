//! `llm`: language models by the operator's alias.

use host_services::llm::generation::Generation;
use host_services::llm::router::Llm;
use host_services::tasks::recorder::TaskRecorder;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{llm, types};
use crate::generation::{GenerationSlot, lend_generation, next_chunk, return_generation};
use crate::host_calls::{HostCall, HostCalls};
use crate::run_context::RunContext;

/// What a run reaches of the models.
pub struct LlmView<'a> {
    pub(crate) llm: &'a Llm,
    pub(crate) run: &'a RunContext,
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
}

/// How wasmtime gets at the view.
pub(crate) struct HasLlm;

impl HasData for HasLlm {
    type Data<'a> = LlmView<'a>;
}

impl LlmView<'_> {
    /// What a call keeps while it waits.
    pub(crate) fn own(&self) -> Own {
        Own { llm: self.llm.clone(), recorder: self.run.recorder.clone() }
    }

    /// The same for a call that holds `bytes`.
    fn begin(&self, bytes: usize) -> wasmtime::Result<(Own, HostCall)> {
        self.calls.begin(bytes).map(|call| (self.own(), call))
    }
}

/// The models and the task that counts what they use, for the length of a call.
pub(crate) struct Own {
    llm: Llm,
    recorder: Option<TaskRecorder>,
}

impl Own {
    pub(crate) async fn generate(self, messages: Vec<types::Message>, options: types::Options) -> Result<types::Answer, types::Failure> {
        let answer = self.llm.generate(messages.into_iter().map(Into::into).collect(), options.into()).await?;
        if let (Some(usage), Some(recorder)) = (answer.usage, &self.recorder) {
            recorder.usage(usage);
        }
        Ok(answer.into())
    }

    pub(crate) async fn generate_stream(
        self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> Result<GenerationSlot, types::Failure> {
        let generation = self.llm.generate_stream(messages.into_iter().map(Into::into).collect(), options.into()).await?;
        Ok(GenerationSlot::new(generation))
    }

    pub(crate) async fn embed(self, texts: Vec<String>, model: Option<String>) -> Result<Vec<Vec<f32>>, types::Failure> {
        Ok(self.llm.embed(texts, model).await?)
    }

    pub(crate) async fn next(self, generation: &mut Generation) -> Result<Option<types::Chunk>, types::Failure> {
        Ok(next_chunk(generation, self.recorder.as_ref()).await?.map(Into::into))
    }
}

/// The text of messages, in bytes: what makes them large.
fn size(messages: &[types::Message]) -> usize {
    let part = |part: &types::Part| match part {
        types::Part::Text(text) | types::Part::ImageUrl(text) | types::Part::Other(text) => text.len(),
    };
    let of_message = |message: &types::Message| {
        let calls = message.tool_calls.iter().map(|call| call.arguments.len());
        message.content.iter().map(part).chain(calls).sum::<usize>()
    };
    messages.iter().map(of_message).sum()
}

impl llm::Host for LlmView<'_> {}

impl<T> llm::HostWithStore<T> for HasLlm {
    async fn generate(
        accessor: &Accessor<T, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<types::Answer, types::Failure>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(size(&messages)))?;
        Ok(own.generate(messages, options).await)
    }

    async fn generate_stream(
        accessor: &Accessor<T, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<Resource<GenerationSlot>, types::Failure>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(size(&messages)))?;
        match own.generate_stream(messages, options).await {
            Ok(slot) => Ok(Ok(accessor.with(|mut access| access.get().table.push(slot))?)),
            Err(failure) => Ok(Err(failure)),
        }
    }

    async fn embed(
        accessor: &Accessor<T, Self>,
        texts: Vec<String>,
        model: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, types::Failure>> {
        let bytes = texts.iter().map(String::len).sum();
        let (own, _call) = accessor.with(|mut access| access.get().begin(bytes))?;
        Ok(own.embed(texts, model).await)
    }
}

impl llm::HostGeneration for LlmView<'_> {
    fn drop(&mut self, slot: Resource<GenerationSlot>) -> wasmtime::Result<()> {
        self.table.delete(slot)?;
        Ok(())
    }
}

impl<T> llm::HostGenerationWithStore<T> for HasLlm {
    async fn next(
        accessor: &Accessor<T, Self>,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<Result<Option<types::Chunk>, types::Failure>> {
        let (mut generation, own, _call) = accessor.with(|mut access| {
            let view = access.get();
            let (own, call) = view.begin(0)?;
            lend_generation(view.table, &slot).map(|generation| (generation, own, call))
        })?;
        let next = own.next(&mut generation).await;
        accessor.with(|mut access| return_generation(access.get().table, &slot, generation))?;
        Ok(next)
    }
}
