//! `response`: the answer to the client of this run.

use std::sync::{Arc, OnceLock};

use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{response, types};
use crate::generation::{Charged, GenerationSlot, next_chunk};
use crate::host_calls::HostCalls;
use crate::output::OutputSender;
use crate::run_ended::RunEnded;
use crate::slot::take;

/// The state behind `response`.
pub struct Response {
    output: OutputSender,
    overrun: OnceLock<Failure>,
    /// The task that counts what is sent.
    recorder: Option<TaskRecorder>,
}

impl Response {
    /// An answer that goes into `output`, and is counted by `recorder`.
    pub fn new(output: OutputSender, recorder: Option<TaskRecorder>) -> Response {
        Response {
            output,
            overrun: OnceLock::new(),
            recorder,
        }
    }

    /// The limit this answer ran into, if any. Such an answer is incomplete, so the run has failed
    /// even if the guest says otherwise.
    pub fn overrun(&self) -> Option<&Failure> {
        self.overrun.get()
    }

    /// Whether the client was so slow that chunks had to wait.
    pub fn waited(&self) -> bool {
        self.output.waited()
    }

    /// Sends one chunk. The guest is told once that the answer is too long; if it goes on sending,
    /// the run ends.
    pub(crate) async fn send(&self, chunk: Chunk) -> wasmtime::Result<Result<(), Failure>> {
        if let Some(overrun) = self.overrun.get() {
            return Err(wasmtime::Error::new(RunEnded(overrun.clone())));
        }
        if let Some(recorder) = &self.recorder {
            recorder.chunk(&chunk);
        }
        let sent = self.output.send(chunk).await;
        if let Err(failure) = &sent
            && failure.kind == FailureKind::Limit
        {
            // A second setter found the same limit at the same time; either failure says so.
            let _ = self.overrun.set(failure.clone());
        }
        Ok(sent)
    }

    /// Sends what is left of a generation.
    pub(crate) async fn forward(
        &self,
        mut generation: Charged,
    ) -> wasmtime::Result<Result<(), Failure>> {
        loop {
            match next_chunk(&mut generation, self.recorder.as_ref()).await {
                Ok(None) => return Ok(Ok(())),
                Ok(Some(chunk)) => {
                    if let Err(failure) = self.send(chunk).await? {
                        return Ok(Err(failure));
                    }
                }
                Err(failure) => return Ok(Err(failure)),
            }
        }
    }
}

/// What a run reaches of its answer.
pub struct ResponseView<'a> {
    pub(crate) response: &'a Arc<Response>,
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
}

/// How wasmtime gets at the view.
pub(crate) struct HasResponse;

impl HasData for HasResponse {
    type Data<'a> = ResponseView<'a>;
}

impl response::Host for ResponseView<'_> {}

impl<T> response::HostWithStore<T> for HasResponse {
    async fn send(
        accessor: &Accessor<T, Self>,
        chunk: types::Chunk,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        let chunk = Chunk::from(chunk);
        let (response, _call) = accessor.with(|mut access| {
            let view = access.get();
            view.calls
                .begin(chunk.len())
                .map(|call| (Arc::clone(view.response), call))
        })?;
        Ok(response.send(chunk).await?.map_err(types::Failure::from))
    }

    async fn forward(
        accessor: &Accessor<T, Self>,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        let (response, generation, _call) = accessor.with(|mut access| {
            let view = access.get();
            let call = view.calls.begin(0)?;
            take(view.table, slot).map(|generation| (Arc::clone(view.response), generation, call))
        })?;
        Ok(response
            .forward(generation)
            .await?
            .map_err(types::Failure::from))
    }
}
