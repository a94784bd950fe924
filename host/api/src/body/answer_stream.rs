//! The body of a streamed answer: chunks that are ready together leave together, and silence is
//! filled.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::edge::request_id::ACCEL_BUFFERING;
use crate::edge::request_trace::RequestTrace;

/// Once this many bytes wait, they leave even if more is ready.
const WRITE_BYTES: usize = 64 << 10;
/// The first capacity of the buffer, which grows with its content.
const BUFFER_BYTES: usize = 4096;

/// How a protocol writes an answer. What it writes waits in `out` until the client takes it.
pub(crate) trait Encode {
    /// Writes what precedes the first chunk.
    fn begin(&mut self, _out: &mut BytesMut) {}
    /// Writes a chunk.
    fn chunk(&mut self, chunk: &Chunk, out: &mut BytesMut);
    /// Writes the end of an answer that succeeded.
    fn end(&mut self, out: &mut BytesMut);
    /// Writes a failure, which ends the answer.
    fn fail(&mut self, failure: Failure, out: &mut BytesMut);
    /// What fills a long silence; `None` if clients of the protocol skip nothing.
    fn keep_alive(&self) -> Option<Bytes>;
    /// Whether a client can see a failure in what was written. If not, the connection is broken
    /// off.
    fn shows_failure(&self) -> bool;
}

/// The answer failed, and its protocol cannot say so at the end of a body.
#[derive(Debug, thiserror::Error)]
#[error("the answer is incomplete")]
struct Incomplete;

/// The response to a request whose answer is streamed, with headers that let no cache or proxy hold
/// it back.
pub(crate) fn response(content_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Starts an answer and waits for its first chunk, which decides whether there is an answer. If it
/// does not come within `keep_alive`, the response begins without it, where the protocol can show a
/// failure later: proxies and clients give up on a silent server.
///
/// `detach` lets the run continue by itself; a run that has ended by then, as many have, does not
/// need it.
///
/// # Errors
/// The run failed before its first chunk.
pub(crate) async fn body<S, E>(
    chunks: S,
    detach: impl FnOnce(S) -> S,
    mut encoder: E,
    keep_alive: Duration,
    trace: Option<RequestTrace>,
) -> Result<Body, Failure>
where
    S: Stream<Item = Result<Chunk, Failure>> + Unpin + Send + 'static,
    E: Encode + Unpin + Send + 'static,
{
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    encoder.begin(&mut buffer);
    let filling = encoder.keep_alive();
    let mut writing = Writing {
        chunks,
        encoder,
        buffer,
        end: End::Open,
        trace,
    };
    let begun = poll_fn(|context| writing.poll_begin(context));
    match filling {
        None => begun.await?,
        Some(filling) => match timeout(keep_alive, begun).await {
            Ok(begun) => begun?,
            Err(_) => writing.buffer.extend_from_slice(&filling),
        },
    }
    if writing.end == End::Complete {
        return Ok(Body::from(writing.buffer.freeze()));
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
    Complete,
    /// The connection is to be broken off, once what was written has left.
    Broken,
    /// The connection is to be broken off now.
    BreakingOff,
}

/// Chunks on their way into bytes.
struct Writing<S, E> {
    chunks: S,
    encoder: E,
    /// What was written and not taken yet. Its memory is used again once the client has taken it.
    buffer: BytesMut,
    end: End,
    /// Where a failure after the first chunk is logged.
    trace: Option<RequestTrace>,
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

    /// Takes the chunks that are ready, until the buffer is full.
    fn fill(&mut self, context: &mut Context<'_>) {
        while self.end == End::Open && self.buffer.len() < WRITE_BYTES {
            let Poll::Ready(next) = self.chunks.poll_next_unpin(context) else {
                return;
            };
            self.add(next);
        }
    }

    fn add(&mut self, next: Option<Result<Chunk, Failure>>) {
        match next {
            Some(Ok(chunk)) => self.encoder.chunk(&chunk, &mut self.buffer),
            Some(Err(failure)) => {
                if let Some(trace) = &self.trace {
                    trace.broken_off(&failure);
                }
                self.encoder.fail(failure, &mut self.buffer);
                self.end = if self.encoder.shows_failure() {
                    End::Complete
                } else {
                    End::Broken
                };
            }
            None => {
                self.encoder.end(&mut self.buffer);
                self.end = End::Complete;
            }
        }
    }
}

/// Bytes that are never silent for longer than `interval`, if the protocol can fill silence.
struct KeptAlive<S, E> {
    writing: Writing<S, E>,
    silence: Pin<Box<Sleep>>,
    interval: Duration,
}

impl<S: Stream<Item = Result<Chunk, Failure>> + Unpin, E: Encode + Unpin> Stream
    for KeptAlive<S, E>
{
    type Item = Result<Bytes, Incomplete>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.writing.fill(context);
        let piece = match (self.writing.buffer.len(), self.writing.end) {
            (0, End::Complete) => return Poll::Ready(None),
            (0, End::Broken) => {
                // The server writes what it has whenever nothing more is ready, and discards it at
                // an error.
                self.writing.end = End::BreakingOff;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            (0, End::BreakingOff) => {
                self.writing.end = End::Complete;
                return Poll::Ready(Some(Err(Incomplete)));
            }
            (0, End::Open) => match self.writing.encoder.keep_alive() {
                Some(filling) => {
                    ready!(self.silence.as_mut().poll(context));
                    filling
                }
                None => return Poll::Pending,
            },
            _ => self.writing.buffer.split().freeze(),
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
        shows_failure: bool,
    }

    impl Encode for Plain {
        fn chunk(&mut self, chunk: &Chunk, out: &mut BytesMut) {
            if let Chunk::Text(text) = chunk {
                out.extend_from_slice(text.as_bytes());
            }
        }

        fn end(&mut self, out: &mut BytesMut) {
            out.extend_from_slice(b".");
        }

        fn fail(&mut self, failure: Failure, out: &mut BytesMut) {
            out.extend_from_slice(b"!");
            out.extend_from_slice(failure.message.as_bytes());
        }

        fn keep_alive(&self) -> Option<Bytes> {
            self.shows_failure.then_some(KEEP_ALIVE)
        }

        fn shows_failure(&self) -> bool {
            self.shows_failure
        }
    }

    const KEEP_ALIVE: Bytes = Bytes::from_static(b"~");

    fn writer() -> Plain {
        Plain {
            shows_failure: true,
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
    async fn chunks_that_are_ready_leave_together_without_a_task() {
        let chunks = stream::iter([text("a"), text("b")]);
        let pieces = pieces(
            body(
                chunks,
                |_| panic!("a run that has ended was spawned"),
                writer(),
                LONG,
                None,
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
        let pieces = pieces(
            body(chunks, |chunks| chunks, writer(), LONG, None)
                .await
                .unwrap(),
        )
        .await;
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
    async fn a_failure_before_the_first_chunk_refuses_the_request_and_a_later_one_ends_the_body() {
        let failure = body(
            stream::iter([broken()]),
            |chunks| chunks,
            writer(),
            LONG,
            None,
        )
        .await
        .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        let later = stream::iter([text("a"), broken(), text("never")]);
        assert_eq!(
            pieces(
                body(later, |chunks| chunks, writer(), LONG, None)
                    .await
                    .unwrap()
            )
            .await
            .concat(),
            "a!away"
        );
    }

    #[tokio::test]
    async fn a_protocol_that_cannot_show_a_failure_breaks_the_body_off() {
        let plain = Plain {
            shows_failure: false,
        };
        let body = body(
            stream::iter([text("a"), broken()]),
            |chunks| chunks,
            plain,
            LONG,
            None,
        )
        .await
        .unwrap();
        let pieces: Vec<_> = body.into_data_stream().collect().await;
        assert_eq!(pieces[0].as_ref().unwrap(), "a!away");
        assert!(pieces[1].is_err() && pieces.len() == 2, "{pieces:?}");
    }

    #[tokio::test]
    async fn an_answer_begins_without_its_first_chunk_before_a_proxy_gives_up() {
        let late = stream::once(async {
            sleep(Duration::from_millis(20)).await;
            broken()
        });
        let interval = Duration::from_millis(1);
        let mut body = body(Box::pin(late), |chunks| chunks, writer(), interval, None)
            .await
            .unwrap()
            .into_data_stream();
        let mut all = Vec::new();
        while let Some(piece) = body.next().await {
            all.push(piece.unwrap());
        }
        assert_eq!(all.first().unwrap(), &KEEP_ALIVE);
        assert_eq!(all.last().unwrap(), "!away");
    }

    #[tokio::test]
    async fn silence_is_filled_and_a_client_that_leaves_drops_the_run() {
        let chunks = stream::iter([text("a")]).chain(stream::pending());
        let (dropped, is_dropped) = tokio::sync::oneshot::channel::<()>();
        let chunks = chunks.map(move |chunk| {
            let _held = &dropped;
            chunk
        });
        let mut body = body(
            chunks,
            |chunks| chunks,
            writer(),
            Duration::from_millis(1),
            None,
        )
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
