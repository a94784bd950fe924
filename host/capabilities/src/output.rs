//! The bounded way of chunks from a guest to whoever reads its answer. A full channel makes the
//! guest wait: that is the back-pressure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};

/// Bytes of text a run may have made that nobody has read yet. One chunk may be larger: it then
/// travels alone.
const HELD_BYTES_MAX: usize = 1 << 20;

/// What one run may put out.
#[derive(Debug, Clone, Copy)]
pub struct OutputLimits {
    /// Text of the whole answer.
    pub answer_bytes_max: usize,
    /// Text of one chunk.
    pub chunk_bytes_max: usize,
    /// Chunks that nobody has read yet; one at least.
    pub channel_items_max: usize,
}

/// The guest's end.
#[derive(Debug)]
pub struct OutputSender {
    chunks: mpsc::Sender<Chunk>,
    room: Arc<Semaphore>,
    sent_bytes: AtomicUsize,
    waited: AtomicBool,
    limits: OutputLimits,
}

/// The client's end; dropping it makes every later send fail with `cancelled`.
#[derive(Debug)]
pub struct OutputReceiver {
    chunks: mpsc::Receiver<Chunk>,
    room: Arc<Semaphore>,
}

/// Both ends of a run's answer.
pub fn channel(limits: OutputLimits) -> (OutputSender, OutputReceiver) {
    let (sender, receiver) = mpsc::channel(limits.channel_items_max.max(1));
    let room = Arc::new(Semaphore::new(HELD_BYTES_MAX));
    let (sent_bytes, waited) = (AtomicUsize::new(0), AtomicBool::new(false));
    (
        OutputSender {
            chunks: sender,
            room: Arc::clone(&room),
            sent_bytes,
            waited,
            limits,
        },
        OutputReceiver {
            chunks: receiver,
            room,
        },
    )
}

/// How much room a chunk takes in the channel.
fn weight(chunk: &Chunk) -> usize {
    chunk.len().min(HELD_BYTES_MAX)
}

impl OutputSender {
    /// Sends one chunk, waiting for room.
    ///
    /// # Errors
    /// `limit` if the chunk or the answer is too long, `cancelled` if nobody reads any more.
    pub async fn send(&self, chunk: Chunk) -> Result<(), Failure> {
        self.count(&chunk)?;
        let permits = u32::try_from(weight(&chunk)).unwrap_or(u32::MAX);
        if let Ok(permit) = self.room.acquire_many(permits).await {
            permit.forget();
        }
        match self.chunks.try_send(chunk) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(hung_up()),
            Err(TrySendError::Full(chunk)) => {
                self.waited.store(true, Ordering::Relaxed);
                self.chunks.send(chunk).await.map_err(|_| hung_up())
            }
        }
    }

    /// Whether a chunk had to wait because as many were unread as may be.
    pub fn waited(&self) -> bool {
        self.waited.load(Ordering::Relaxed)
    }

    /// Holds the chunk against both limits.
    fn count(&self, chunk: &Chunk) -> Result<(), Failure> {
        let length = chunk.len();
        if length > self.limits.chunk_bytes_max {
            let text = format!(
                "a chunk has {length} bytes and chunk_bytes_max is {}: send smaller pieces",
                self.limits.chunk_bytes_max
            );
            return Err(Failure::new(FailureKind::Limit, text).limit(LimitName::ChunkBytesMax));
        }
        let total = self
            .sent_bytes
            .fetch_add(length, Ordering::Relaxed)
            .saturating_add(length);
        if total > self.limits.answer_bytes_max {
            let text = format!(
                "the answer is longer than output_bytes_max, {} bytes",
                self.limits.answer_bytes_max
            );
            return Err(Failure::new(FailureKind::Limit, text).limit(LimitName::OutputBytesMax));
        }
        Ok(())
    }
}

fn hung_up() -> Failure {
    Failure::new(FailureKind::Cancelled, "the client has hung up")
}

impl OutputReceiver {
    /// The next chunk, `None` once the sender is gone and all has been read.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Chunk>> {
        let next = self.chunks.poll_recv(context);
        if let Poll::Ready(Some(chunk)) = &next {
            self.room.add_permits(weight(chunk));
        }
        next
    }
}

impl Drop for OutputReceiver {
    fn drop(&mut self) {
        // A sender that waits for room has to learn that nobody will make any.
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const ANY: OutputLimits = OutputLimits {
        answer_bytes_max: usize::MAX,
        chunk_bytes_max: usize::MAX,
        channel_items_max: 64,
    };

    fn text(bytes: usize) -> Chunk {
        Chunk::Text("x".repeat(bytes))
    }

    #[tokio::test]
    async fn a_reader_that_left_fails_a_waiting_send() {
        let (sender, receiver) = channel(ANY);
        sender.send(text(HELD_BYTES_MAX)).await.unwrap();
        let (sent, ()) = tokio::join!(sender.send(text(1)), async { drop(receiver) });
        assert_eq!(sent.unwrap_err().kind, FailureKind::Cancelled);
    }

    #[tokio::test]
    async fn reading_makes_room_and_every_chunk_arrives_in_order() {
        let (sender, mut receiver) = channel(ANY);
        let send = async move {
            for length in [HELD_BYTES_MAX + 5, 7, HELD_BYTES_MAX] {
                sender.send(text(length)).await.unwrap();
            }
        };
        let read = async {
            let mut lengths = Vec::new();
            while let Some(chunk) = poll_fn(|context| receiver.poll_recv(context)).await {
                lengths.push(chunk.len());
            }
            lengths
        };
        let ((), lengths) = tokio::join!(send, read);
        assert_eq!(lengths, [HELD_BYTES_MAX + 5, 7, HELD_BYTES_MAX]);
    }

    #[tokio::test]
    async fn both_limits_hold_to_the_byte() {
        let (sender, _receiver) = channel(OutputLimits {
            answer_bytes_max: 10,
            chunk_bytes_max: 6,
            ..ANY
        });
        assert_eq!(
            sender.send(text(7)).await.unwrap_err().kind,
            FailureKind::Limit
        );
        sender.send(text(6)).await.unwrap();
        sender.send(text(4)).await.unwrap();
        assert_eq!(
            sender.send(text(1)).await.unwrap_err().kind,
            FailureKind::Limit
        );
    }
}
