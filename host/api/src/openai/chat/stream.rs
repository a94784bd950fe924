//! The body of a streamed answer: chunks that are ready together leave together, and silence is filled with comments.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use host_types::chunk::Chunk;
use host_types::failure::Failure;
use tokio::time::{Instant, Sleep, sleep};

use super::frame::FrameWriter;

/// Bytes of frames after which they leave, even if more is ready.
const WRITE_BYTES: usize = 64 << 10;
/// A comment, which clients pass over.
const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// Starts an answer and waits for its first chunk, which decides whether there is one. `detach` lets the run go on by itself; it is not
/// needed if the run has ended by then, and many have.
///
/// # Errors
/// The run failed before its first chunk.
pub(super) async fn body<S>(chunks: S, detach: impl FnOnce(S) -> S, frames: FrameWriter, keep_alive: Duration) -> Result<Body, Failure>
where
    S: Stream<Item = Result<Chunk, Failure>> + Unpin + Send + 'static,
{
    let mut frames = Frames { chunks, frames, has_ended: false };
    poll_fn(|context| frames.poll_begin(context)).await?;
    if frames.has_ended {
        return Ok(Body::from(frames.frames.take()));
    }
    let frames = Frames { chunks: detach(frames.chunks), ..frames };
    Ok(Body::from_stream(KeptAlive { frames, silence: Box::pin(sleep(keep_alive)), interval: keep_alive }))
}

/// Chunks on their way into frames.
struct Frames<S> {
    chunks: S,
    frames: FrameWriter,
    has_ended: bool,
}

impl<S: Stream<Item = Result<Chunk, Failure>> + Unpin> Frames<S> {
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
        while !self.has_ended && self.frames.len() < WRITE_BYTES {
            let Poll::Ready(next) = self.chunks.poll_next_unpin(context) else { return };
            self.add(next);
        }
    }

    fn add(&mut self, next: Option<Result<Chunk, Failure>>) {
        self.has_ended = !matches!(next, Some(Ok(_)));
        match next {
            Some(Ok(chunk)) => self.frames.chunk(&chunk),
            Some(Err(failure)) => self.frames.fail(failure),
            None => self.frames.end(),
        }
    }
}

/// Frames that are never silent for longer than `interval`.
struct KeptAlive<S> {
    frames: Frames<S>,
    silence: Pin<Box<Sleep>>,
    interval: Duration,
}

impl<S: Stream<Item = Result<Chunk, Failure>> + Unpin> Stream for KeptAlive<S> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.frames.fill(context);
        let piece = match (self.frames.frames.len(), self.frames.has_ended) {
            (0, true) => return Poll::Ready(None),
            (0, false) => {
                ready!(self.silence.as_mut().poll(context));
                KEEP_ALIVE
            }
            _ => self.frames.frames.take(),
        };
        let deadline = Instant::now() + self.interval;
        self.silence.as_mut().reset(deadline);
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use host_types::failure::FailureKind;

    use super::*;
    use crate::openai::chat::request::StreamOptions;
    use crate::openai::chat::summary::Identity;

    const LONG: Duration = Duration::from_secs(3600);

    fn writer() -> FrameWriter {
        let identity = Identity { id: "i".to_owned(), created: 7, model: "m".to_owned() };
        FrameWriter::new(&identity, StreamOptions { usage: false, events: true })
    }

    fn text(text: &str) -> Result<Chunk, Failure> {
        Ok(Chunk::Text(text.to_owned()))
    }

    fn broken() -> Result<Chunk, Failure> {
        Err(Failure::new(FailureKind::Unavailable, "away"))
    }

    async fn pieces(body: Body) -> Vec<String> {
        body.into_data_stream().map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap()).collect().await
    }

    #[tokio::test]
    async fn what_is_ready_leaves_together_without_a_task() {
        let chunks = stream::iter([text("a"), text("b")]);
        let pieces = pieces(body(chunks, |_| panic!("a run that has ended was spawned"), writer(), LONG).await.unwrap()).await;
        assert_eq!(pieces.len(), 1);
        assert!(pieces[0].contains("\"a\"") && pieces[0].contains("\"b\"") && pieces[0].ends_with("data: [DONE]\n\n"), "{pieces:?}");
    }

    #[tokio::test]
    async fn a_long_answer_leaves_in_pieces_of_bounded_size() {
        let chunks = stream::iter((0..100).map(|_| text(&"x".repeat(10_000))));
        let pieces = pieces(body(chunks, |chunks| chunks, writer(), LONG).await.unwrap()).await;
        assert!(pieces.len() >= 10 && pieces.iter().all(|piece| piece.len() < WRITE_BYTES + 11_000), "{}", pieces.len());
        assert_eq!(pieces.concat().matches("\"content\":\"x").count(), 100);
    }

    #[tokio::test]
    async fn a_failure_before_the_first_chunk_is_no_answer_and_later_it_is_a_frame() {
        let failure = body(stream::iter([broken()]), |chunks| chunks, writer(), LONG).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        let later = stream::iter([text("a"), broken(), text("never")]);
        let text = pieces(body(later, |chunks| chunks, writer(), LONG).await.unwrap()).await.concat();
        assert!(text.contains("\"error\":{\"message\":\"away\"") && !text.contains("[DONE]") && !text.contains("never"), "{text}");
    }

    #[tokio::test]
    async fn silence_is_filled_and_the_client_s_end_drops_the_run() {
        let chunks = stream::iter([text("a")]).chain(stream::pending());
        let (dropped, is_dropped) = tokio::sync::oneshot::channel::<()>();
        let chunks = chunks.map(move |chunk| {
            let _held = &dropped;
            chunk
        });
        let mut body = body(chunks, |chunks| chunks, writer(), Duration::from_millis(1)).await.unwrap().into_data_stream();
        body.next().await.unwrap().unwrap();
        for _ in 0..3 {
            assert_eq!(body.next().await.unwrap().unwrap(), KEEP_ALIVE);
        }
        drop(body);
        assert!(is_dropped.await.is_err());
    }
}
