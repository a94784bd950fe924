//! The body of a streamed answer: chunks that are ready together leave together, and silence is
//! filled.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;
use tokio::time::{Instant, Sleep, sleep};

/// Bytes that wait after which they leave, even if more is ready.
const WRITE_BYTES: usize = 64 << 10;

/// How a protocol writes an answer down. What is written waits until it is taken.
pub(crate) trait Encode {
    /// Adds a chunk.
    fn chunk(&mut self, chunk: &Chunk);
    /// Adds what a good end has.
    fn end(&mut self);
    /// Adds a failure, which ends the answer.
    fn fail(&mut self, failure: Failure);
    /// Bytes that wait.
    fn len(&self) -> usize;
    /// Takes what waits.
    fn take(&mut self) -> Bytes;
    /// What fills a long silence; none where the protocol has nothing that clients pass over.
    fn keep_alive(&self) -> Option<Bytes>;
    /// Whether a failed answer is told from a whole one by what was written. If not, its connection
    /// is broken off.
    fn tells_failure(&self) -> bool;
}

/// The answer failed, and its protocol has no other way to say so at the end of a body.
#[derive(Debug, thiserror::Error)]
#[error("the answer is not whole")]
struct BrokenOff;

/// Starts an answer and waits for its first chunk, which decides whether there is one. `detach`
/// lets the run go on by itself; it is not needed if the run has ended by then, and many have.
///
/// # Errors
/// The run failed before its first chunk.
pub(crate) async fn body<S, E>(
    chunks: S,
    detach: impl FnOnce(S) -> S,
    encoder: E,
    keep_alive: Duration,
) -> Result<Body, Failure>
where
    S: Stream<Item = Result<Chunk, Failure>> + Unpin + Send + 'static,
    E: Encode + Unpin + Send + 'static,
{
    let mut writing = Writing {
        chunks,
        encoder,
        end: End::Open,
    };
    poll_fn(|context| writing.poll_begin(context)).await?;
    if writing.end == End::Good {
        return Ok(Body::from(writing.encoder.take()));
    }
    let writing = if writing.end == End::Open {
        Writing {
            chunks: detach(writing.chunks),
            ..writing
        }
    } else {
        writing
    };
    Ok(Body::from_stream(KeptAlive {
        writing,
        silence: Box::pin(sleep(keep_alive)),
        interval: keep_alive,
    }))
}

/// Whether more can come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Good,
    /// It is still to be told by breaking off, once what was written has left.
    Broken,
    /// It is to be told now.
    Leaving,
}

/// Chunks on their way into bytes.
struct Writing<S, E> {
    chunks: S,
    encoder: E,
    end: End,
}

impl<S: Stream<Item = Result<Chunk, Failure>> + Unpin, E: Encode> Writing<S, E> {
    /// Ready once there is an answer, with all of it that is ready.
    fn poll_begin(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match ready!(self.chunks.poll_next_unpin(context)) {
            Some(Err(failure)) => return Poll::Ready(Err(failure)),
            first => self.add(first),
        }
        self.fill(context);
        Poll::Ready(Ok(()))
    }

    /// Takes what is ready, within bounds.
    fn fill(&mut self, context: &mut Context<'_>) {
        while self.end == End::Open && self.encoder.len() < WRITE_BYTES {
            let Poll::Ready(next) = self.chunks.poll_next_unpin(context) else {
                return;
            };
            self.add(next);
        }
    }

    fn add(&mut self, next: Option<Result<Chunk, Failure>>) {
        match next {
            Some(Ok(chunk)) => self.encoder.chunk(&chunk),
            Some(Err(failure)) => {
                self.encoder.fail(failure);
                self.end = if self.encoder.tells_failure() {
                    End::Good
                } else {
                    End::Broken
                };
            }
            None => {
                self.encoder.end();
                self.end = End::Good;
            }
        }
    }
}

/// Bytes that are never silent for longer than `interval`, where the protocol can fill silence.
struct KeptAlive<S, E> {
    writing: Writing<S, E>,
    silence: Pin<Box<Sleep>>,
    interval: Duration,
}

impl<S: Stream<Item = Result<Chunk, Failure>> + Unpin, E: Encode + Unpin> Stream
    for KeptAlive<S, E>
{
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.writing.fill(context);
        let piece = match (self.writing.encoder.len(), self.writing.end) {
            (0, End::Good) => return Poll::Ready(None),
            (0, End::Broken) => {
                // The server writes out what it has whenever nothing more is ready, and throws it
                // away at an error.
                self.writing.end = End::Leaving;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            (0, End::Leaving) => {
                self.writing.end = End::Good;
                return Poll::Ready(Some(Err(BrokenOff)));
            }
            (0, End::Open) => match self.writing.encoder.keep_alive() {
                Some(filling) => {
                    ready!(self.silence.as_mut().poll(context));
                    filling
                }
                None => return Poll::Pending,
            },
            _ => self.writing.encoder.take(),
        };
        let deadline = Instant::now() + self.interval;
        self.silence.as_mut().reset(deadline);
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use hayrick_types::failure::FailureKind;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// Writes text as it is, `!` and the message at a failure, and `.` at the end.
    struct Plain {
        text: String,
        tells_failure: bool,
    }

    impl Encode for Plain {
        fn chunk(&mut self, chunk: &Chunk) {
            if let Chunk::Text(text) = chunk {
                self.text.push_str(text);
            }
        }

        fn end(&mut self) {
            self.text.push('.');
        }

        fn fail(&mut self, failure: Failure) {
            self.text.push('!');
            self.text.push_str(&failure.message);
        }

        fn len(&self) -> usize {
            self.text.len()
        }

        fn take(&mut self) -> Bytes {
            Bytes::from(std::mem::take(&mut self.text))
        }

        fn keep_alive(&self) -> Option<Bytes> {
            self.tells_failure.then_some(KEEP_ALIVE)
        }

        fn tells_failure(&self) -> bool {
            self.tells_failure
        }
    }

    const KEEP_ALIVE: Bytes = Bytes::from_static(b"~");

    fn writer() -> Plain {
        Plain {
            text: String::new(),
            tells_failure: true,
        }
    }

    fn text(text: &str) -> Result<Chunk, Failure> {
        Ok(Chunk::Text(text.to_owned()))
    }

    fn broken() -> Result<Chunk, Failure> {
        Err(Failure::new(FailureKind::Unavailable, "away"))
    }

    async fn pieces(body: Body) -> Vec<String> {
        body.into_data_stream()
            .map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap())
            .collect()
            .await
    }

    #[tokio::test]
    async fn what_is_ready_leaves_together_without_a_task() {
        let chunks = stream::iter([text("a"), text("b")]);
        let pieces = pieces(
            body(
                chunks,
                |_| panic!("a run that has ended was spawned"),
                writer(),
                LONG,
            )
            .await
            .unwrap(),
        )
        .await;
        assert_eq!(pieces, ["ab."]);
    }

    #[tokio::test]
    async fn a_long_answer_leaves_in_pieces_of_bounded_size() {
        let chunks = stream::iter((0..100).map(|_| text(&"x".repeat(10_000))));
        let pieces = pieces(body(chunks, |chunks| chunks, writer(), LONG).await.unwrap()).await;
        assert!(
            pieces.len() >= 10
                && pieces
                    .iter()
                    .all(|piece| piece.len() < WRITE_BYTES + 11_000),
            "{}",
            pieces.len()
        );
        assert_eq!(pieces.concat().len(), 1_000_001);
    }

    #[tokio::test]
    async fn a_failure_before_the_first_chunk_is_no_answer_and_later_it_is_a_frame() {
        let failure = body(stream::iter([broken()]), |chunks| chunks, writer(), LONG)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        let later = stream::iter([text("a"), broken(), text("never")]);
        assert_eq!(
            pieces(body(later, |chunks| chunks, writer(), LONG).await.unwrap())
                .await
                .concat(),
            "a!away"
        );
    }

    #[tokio::test]
    async fn a_protocol_without_a_word_for_failure_breaks_off() {
        let plain = Plain {
            text: String::new(),
            tells_failure: false,
        };
        let body = body(
            stream::iter([text("a"), broken()]),
            |chunks| chunks,
            plain,
            LONG,
        )
        .await
        .unwrap();
        let pieces: Vec<_> = body.into_data_stream().collect().await;
        assert_eq!(pieces[0].as_ref().unwrap(), "a!away");
        assert!(pieces[1].is_err() && pieces.len() == 2, "{pieces:?}");
    }

    #[tokio::test]
    async fn silence_is_filled_and_a_hang_up_drops_the_run() {
        let chunks = stream::iter([text("a")]).chain(stream::pending());
        let (dropped, is_dropped) = tokio::sync::oneshot::channel::<()>();
        let chunks = chunks.map(move |chunk| {
            let _held = &dropped;
            chunk
        });
        let mut body = body(chunks, |chunks| chunks, writer(), Duration::from_millis(1))
            .await
            .unwrap()
            .into_data_stream();
        body.next().await.unwrap().unwrap();
        for _ in 0..3 {
            assert_eq!(body.next().await.unwrap().unwrap(), KEEP_ALIVE);
        }
        drop(body);
        assert!(is_dropped.await.is_err());
    }
}
