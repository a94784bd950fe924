//! The bounded channel that carries chunks from a guest to its client. A full channel makes the
//! guest wait, which is the back-pressure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};

/// Bytes of text that may wait in the channel. A larger chunk is sent alone.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// How much one run may send.
#[derive(Debug, Clone, Copy)]
pub struct OutputLimits {
    /// Text of the whole answer.
    pub answer_bytes_max: usize,
    /// Text of one chunk.
    pub chunk_bytes_max: usize,
    /// Chunks that may wait in the channel; at least one.
    pub channel_items_max: usize,
}

/// The end of the guest.
#[derive(Debug)]
pub struct OutputSender {
    chunks: mpsc::Sender<Chunk>,
    room: Arc<Semaphore>,
    sent_bytes: AtomicUsize,
    waited: AtomicBool,
    limits: OutputLimits,
}

/// The end of the client. After it is dropped, every send fails with `cancelled`.
#[derive(Debug)]
pub struct OutputReceiver {
    chunks: mpsc::Receiver<Chunk>,
    room: Arc<Semaphore>,
}

/// Creates the channel for the answer of a run.
pub fn channel(limits: OutputLimits) -> (OutputSender, OutputReceiver) {
    let (sender, receiver) = mpsc::channel(limits.channel_items_max.max(1));
    let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
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

/// The bytes that a chunk takes up in the channel.
fn weight(chunk: &Chunk) -> usize {
    chunk.len().min(WAITING_BYTES_MAX)
}

impl OutputSender {
    /// Sends one chunk, and waits until there is room for it.
    ///
    /// # Errors
    /// `limit` if the chunk or the answer is too long, `cancelled` if the client has hung up.
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

    /// Whether a chunk had to wait because the channel was full.
    pub fn waited(&self) -> bool {
        self.waited.load(Ordering::Relaxed)
    }

    /// Checks the chunk against both limits.
    fn count(&self, chunk: &Chunk) -> Result<(), Failure> {
        let length = chunk.len();
        if length > self.limits.chunk_bytes_max {
            let text = format!(
                "a chunk has {length} bytes, but chunk_bytes_max is {}: send smaller chunks",
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
    /// The next chunk, or `None` once the sender is gone and everything has been read.
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
        // Wakes a sender that waits for room.
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
    async fn a_waiting_send_fails_when_the_reader_is_dropped() {
        let (sender, receiver) = channel(ANY);
        sender.send(text(WAITING_BYTES_MAX)).await.unwrap();
        let (sent, ()) = tokio::join!(sender.send(text(1)), async { drop(receiver) });
        assert_eq!(sent.unwrap_err().kind, FailureKind::Cancelled);
    }

    #[tokio::test]
    async fn reading_makes_room_and_chunks_arrive_in_order() {
        let (sender, mut receiver) = channel(ANY);
        let send = async move {
            for length in [WAITING_BYTES_MAX + 5, 7, WAITING_BYTES_MAX] {
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
        assert_eq!(lengths, [WAITING_BYTES_MAX + 5, 7, WAITING_BYTES_MAX]);
    }

    #[tokio::test]
    async fn both_limits_are_exact_to_the_byte() {
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
