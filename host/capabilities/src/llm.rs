//! `llm`: language models by the operator's alias.

use host_services::llm::router::Llm;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{llm, types};
use crate::generation::{GenerationSlot, lend_generation, return_generation};

/// What a run reaches of the models.
pub struct LlmView<'a> {
    pub(crate) llm: &'a Llm,
    pub(crate) table: &'a mut ResourceTable,
}

/// How wasmtime gets at the view.
pub(crate) struct HasLlm;

impl HasData for HasLlm {
    type Data<'a> = LlmView<'a>;
}

impl llm::Host for LlmView<'_> {}

impl<T> llm::HostWithStore<T> for HasLlm {
    async fn generate(
        accessor: &Accessor<T, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<types::Answer, types::Failure>> {
        let llm = accessor.with(|mut access| access.get().llm.clone());
        let answer = llm.generate(messages.into_iter().map(Into::into).collect(), options.into()).await;
        Ok(answer.map(Into::into).map_err(Into::into))
    }

    async fn generate_stream(
        accessor: &Accessor<T, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<Resource<GenerationSlot>, types::Failure>> {
        let llm = accessor.with(|mut access| access.get().llm.clone());
        match llm.generate_stream(messages.into_iter().map(Into::into).collect(), options.into()).await {
            Ok(generation) => Ok(Ok(accessor.with(|mut access| access.get().table.push(GenerationSlot::new(generation)))?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }

    async fn embed(
        accessor: &Accessor<T, Self>,
        texts: Vec<String>,
        model: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, types::Failure>> {
        let llm = accessor.with(|mut access| access.get().llm.clone());
        Ok(llm.embed(texts, model).await.map_err(Into::into))
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
        let mut generation = accessor.with(|mut access| lend_generation(access.get().table, &slot))?;
        let next = generation.next().await;
        accessor.with(|mut access| return_generation(access.get().table, &slot, generation))?;
        Ok(next.map(|chunk| chunk.map(Into::into)).map_err(Into::into))
    }
}
