//! The chunks of one run.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use hayrick_capabilities::output::OutputReceiver;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};
use tokio_util::task::AbortOnDropHandle;

type Outcome = Result<(), Failure>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Who drives the guest.
enum Driver {
    /// Whoever polls the stream: no task, no hop between threads.
    Inline(Running),
    /// A task of its own, which ends when this handle is dropped.
    Spawned(AbortOnDropHandle<Outcome>),
    /// Nobody: the guest has ended, so its store is gone. The failure, if any, has not been read yet.
    Ended(Option<Failure>),
}

/// The answer of a run in flight. `None` is its good end, `Err` its last item. Dropping it ends the
/// run at once.
pub struct RunStream {
    driver: Driver,
    output: OutputReceiver,
}

impl RunStream {
    /// A run that goes on while the stream is polled.
    pub(crate) fn new(
        run: impl Future<Output = Outcome> + Send + 'static,
        output: OutputReceiver,
    ) -> RunStream {
        RunStream {
            driver: Driver::Inline(Box::pin(run)),
            output,
        }
    }

    /// Lets the run go on by itself, so that its time limit holds while the client is not reading.
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

/// The run's task panicked: a bug of the host, which its panic message in the log explains.
fn host_fault() -> Failure {
    Failure::new(
        FailureKind::Failed,
        "the host failed to run this plugin: its log says why",
    )
}

impl Stream for RunStream {
    type Item = Result<Chunk, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(Some(chunk)) = self.output.poll_recv(context) {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let driven = self.driver.poll(context);
        // Driving it may have made chunks, and they come before its end. "Pending" is no end: tokio
        // says it, too, to make a busy task yield.
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

    /// tokio lets a task do some 128 things before it has to yield; an answer that is read just
    /// then must not be cut.
    #[tokio::test]
    async fn an_answer_is_whole_however_busy_its_reader_is() {
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
            assert_eq!(RunStream::new(run, receiver).count().await, 3);
        }
    }
}
