//! The stream of chunks of one run.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use hayrick_capabilities::output::OutputReceiver;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};
use tokio_util::task::AbortOnDropHandle;

use crate::api_output::Returns;

type Outcome = Result<(), Failure>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What drives the guest.
enum Driver {
    /// The reader of the stream, without a task of its own or a switch between threads.
    Inline(Running),
    /// A separate task, which ends when this handle is dropped.
    Spawned(AbortOnDropHandle<Outcome>),
    /// The guest has ended, so its store is gone. The reader has yet to read the failure, if any.
    Ended(Option<Failure>),
}

/// The answer of a run as a stream of chunks. If the run fails, the last item is an `Err`. Dropping
/// the stream ends the run at once.
pub struct RunStream {
    driver: Driver,
    output: OutputReceiver,
    version: u64,
    returns: Returns,
}

impl RunStream {
    /// Creates the stream of a run that advances while the stream is polled.
    pub(crate) fn new(
        run: impl Future<Output = Outcome> + Send + 'static,
        output: OutputReceiver,
        version: u64,
        returns: Returns,
    ) -> RunStream {
        RunStream {
            driver: Driver::Inline(Box::pin(run)),
            output,
            version,
            returns,
        }
    }

    /// What the run returns beside its chunks: there once the stream has ended.
    pub fn returns(&self) -> Returns {
        self.returns.clone()
    }

    /// The number of the version that runs.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Moves the run to a task, so that its time limit applies even while the client does not read.
    #[expect(
        clippy::disallowed_methods,
        reason = "the handle is the stream's: dropping it ends the task"
    )]
    pub fn spawn(mut self) -> RunStream {
        if let Driver::Inline(run) = self.driver {
            self.driver = Driver::Spawned(AbortOnDropHandle::new(tokio::spawn(run)));
        }
        self
    }
}

impl Driver {
    /// Drives the guest; ready once it has ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let outcome = match self {
            Driver::Inline(run) => run.as_mut().poll(context),
            Driver::Spawned(task) => Pin::new(task)
                .poll(context)
                .map(|joined| joined.unwrap_or_else(|_| Err(host_fault()))),
            Driver::Ended(_) => return Poll::Ready(()),
        };
        outcome.map(|outcome| *self = Driver::Ended(outcome.err()))
    }
}

/// The task of the run panicked, which is a bug in the host. The log has the panic message.
fn host_fault() -> Failure {
    Failure::new(
        FailureKind::Failed,
        "the host failed to run this plugin: see its log",
    )
}

impl Stream for RunStream {
    type Item = Result<Chunk, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(Some(chunk)) = self.output.poll_recv(context) {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let driven = self.driver.poll(context);
        // Driving the guest may have produced chunks, which come before its end. "Pending" does not
        // mean that there are none: tokio also returns it to make a busy task yield.
        match (self.output.poll_recv(context), driven, &mut self.driver) {
            (Poll::Ready(Some(chunk)), _, _) => Poll::Ready(Some(Ok(chunk))),
            (Poll::Ready(None), Poll::Ready(()), Driver::Ended(failure)) => {
                Poll::Ready(failure.take().map(Err))
            }
            _ => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use hayrick_capabilities::output::{OutputLimits, channel};

    use super::*;

    /// tokio makes a task yield after about 128 operations. An answer that is being read at that
    /// moment must not be truncated.
    #[tokio::test]
    async fn a_busy_reader_gets_the_whole_answer() {
        for _ in 0..500 {
            let (sender, receiver) = channel(OutputLimits {
                answer_bytes_max: usize::MAX,
                chunk_bytes_max: usize::MAX,
                channel_items_max: 64,
            });
            let run = async move {
                for _ in 0..3 {
                    sender.send(Chunk::Text("x".to_owned())).await?;
                }
                Ok(())
            };
            assert_eq!(
                RunStream::new(run, receiver, 1, Returns::default())
                    .count()
                    .await,
                3
            );
        }
    }
}
