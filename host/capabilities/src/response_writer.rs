//! Writes a run's answer into its output, and remembers if it ran into a limit.

use std::sync::OnceLock;

use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};

use crate::generation::{Charged, next_chunk};
use crate::output::OutputSender;
use crate::run_ended::RunEnded;

/// Writes the answer of one run; `response` and the runtime share it.
pub struct ResponseWriter {
    output: OutputSender,
    overrun: OnceLock<Failure>,
    /// The task that counts what is sent.
    recorder: Option<TaskRecorder>,
}

impl ResponseWriter {
    /// An answer that goes into `output`, and is counted by `recorder`.
    pub fn new(output: OutputSender, recorder: Option<TaskRecorder>) -> ResponseWriter {
        ResponseWriter {
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

    /// Sends one chunk. The guest learns once that the answer is too long; if it goes on sending,
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
