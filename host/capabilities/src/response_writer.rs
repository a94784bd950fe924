//! Writes the answer of a run to its output channel, and remembers whether it reached a limit.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};

use crate::generation::{ChargedGeneration, next_chunk};
use crate::output::OutputSender;
use crate::run_ended::RunEnded;

/// Writes the answer of one run. The interface `response` and the runtime share it.
pub struct ResponseWriter {
    output: OutputSender,
    overrun: OnceLock<Failure>,
    has_sent: AtomicBool,
    /// Counts what is sent, for the task of the run.
    recorder: Option<TaskRecorder>,
}

impl ResponseWriter {
    /// Creates a writer that sends to `output` and counts in `recorder`.
    pub fn new(output: OutputSender, recorder: Option<TaskRecorder>) -> ResponseWriter {
        ResponseWriter {
            output,
            overrun: OnceLock::new(),
            has_sent: AtomicBool::new(false),
            recorder,
        }
    }

    /// The failure if this answer reached a limit. Such an answer is incomplete, so the run has
    /// failed even if the guest reports success.
    pub fn overrun(&self) -> Option<&Failure> {
        self.overrun.get()
    }

    /// Whether a chunk had to wait for a slow client.
    pub fn waited(&self) -> bool {
        self.output.waited()
    }

    /// Whether the guest has sent anything.
    pub fn has_sent(&self) -> bool {
        self.has_sent.load(Ordering::Relaxed)
    }

    /// Sends one chunk. If the answer is too long, the guest gets one failure; if it keeps sending,
    /// the run ends.
    pub(crate) async fn send(&self, chunk: Chunk) -> wasmtime::Result<Result<(), Failure>> {
        if let Some(overrun) = self.overrun.get() {
            return Err(wasmtime::Error::new(RunEnded(overrun.clone())));
        }
        if let Some(recorder) = &self.recorder {
            recorder.chunk(&chunk);
        }
        self.has_sent.store(true, Ordering::Relaxed);
        let sent = self.output.send(chunk).await;
        if let Err(failure) = &sent
            && failure.kind == FailureKind::Limit
        {
            // Another call may have set it at the same time; either failure will do.
            let _ = self.overrun.set(failure.clone());
        }
        Ok(sent)
    }

    /// Sends the rest of a generation.
    pub(crate) async fn forward(
        &self,
        mut generation: ChargedGeneration,
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
