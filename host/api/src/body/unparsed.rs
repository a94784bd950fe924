//! Bounds what the parser of a form keeps while it looks for the end of something: of what precedes
//! the first boundary, or of a part's headers. Without it, a body without a boundary would be kept
//! whole, and searched again with each piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::BoxError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// What a form may have between two steps of its parser. A piece of the network has up to about
/// 400 KiB.
const UNPARSED_BYTES_MAX: usize = 1 << 20;

/// Bytes that the parser has taken since its last step. A cheap handle.
#[derive(Debug, Clone, Default)]
pub(super) struct Unparsed(Arc<AtomicUsize>);

/// The parser got nowhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "more than {UNPARSED_BYTES_MAX} bytes without a boundary or the end of a part's headers: send \
     the boundary that the header Content-Type names"
)]
struct Endless;

impl Unparsed {
    /// The parser has made a step.
    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The same pieces, and an error once the parser gets nowhere.
    pub(super) fn bound<E: Into<BoxError>>(
        &self,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> impl Stream<Item = Result<Bytes, BoxError>> {
        let taken = self.clone();
        pieces.map(move |piece| {
            let piece = piece.map_err(Into::into)?;
            let before = taken.0.fetch_add(piece.len(), Ordering::Relaxed);
            if before > UNPARSED_BYTES_MAX {
                return Err(Endless.into());
            }
            Ok(piece)
        })
    }
}
