//! `response`: sends the answer to the client of this run.

use std::sync::Arc;

use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{response, types};
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::generation::{ChargedGeneration, GenerationSlot};
use crate::guest_state::GuestState;
use crate::host_calls::{HostCall, HostCalls};
use crate::reached_limits::ReachedLimits;
use crate::response_writer::ResponseWriter;
use crate::slot::take;

/// The part of a run's state that `response` uses.
pub struct ResponseView<'a> {
    pub(crate) response: &'a Arc<ResponseWriter>,
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
    pub(crate) limits: &'a ReachedLimits,
}

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = ResponseView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> ResponseView<'_> {
    ResponseView {
        response: &state.response,
        table: &mut state.table,
        calls: &state.calls,
        limits: &state.run.limits,
    }
}

/// One call of `response`: what it needs while it waits.
struct ResponseCall {
    response: Arc<ResponseWriter>,
    limits: ReachedLimits,
    _call: HostCall,
}

impl ResponseCall {
    async fn send(self, chunk: Chunk) -> wasmtime::Result<Result<(), types::Failure>> {
        if let Chunk::Fields(json) | Chunk::MessageFields(json) | Chunk::ChoiceFields(json) = &chunk
            && !json.is_object()
        {
            let text = "the fields of a chunk are not a JSON object that every client can read: \
                check their syntax, depth and escapes";
            let failure = Failure::new(FailureKind::InvalidInput, text);
            return Ok(self.limits.for_guest(Err(failure)));
        }
        Ok(self.limits.for_guest(self.response.send(chunk).await?))
    }

    async fn forward(
        self,
        generation: ChargedGeneration,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        Ok(self
            .limits
            .for_guest(self.response.forward(generation).await?))
    }
}

impl ResponseView<'_> {
    /// Begins a call that holds `bytes`.
    fn begin(&self, bytes: usize) -> wasmtime::Result<ResponseCall> {
        Ok(ResponseCall {
            response: Arc::clone(self.response),
            limits: self.limits.clone(),
            _call: self.calls.begin(bytes)?,
        })
    }

    fn begin_forward(
        &mut self,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<(ResponseCall, ChargedGeneration)> {
        Ok((self.begin(0)?, take(self.table, slot)?))
    }
}

impl response::Host for ResponseView<'_> {}

impl<T> response::HostWithStore<T> for HasView {
    async fn send(
        accessor: &Accessor<T, Self>,
        chunk: types::Chunk,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        let chunk = Chunk::from(chunk);
        let call = accessor.with(|mut access| access.get().begin(chunk.len()))?;
        call.send(chunk).await
    }

    async fn forward(
        accessor: &Accessor<T, Self>,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        let (call, generation) = accessor.with(|mut access| access.get().begin_forward(slot))?;
        call.forward(generation).await
    }
}

impl sync::response::Host for ResponseView<'_> {
    async fn send(&mut self, chunk: types::Chunk) -> wasmtime::Result<Result<(), types::Failure>> {
        let chunk = Chunk::from(chunk);
        self.begin(chunk.len())?.send(chunk).await
    }

    async fn forward(
        &mut self,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        let (call, generation) = self.begin_forward(slot)?;
        call.forward(generation).await
    }
}
