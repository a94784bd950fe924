//! An answer in flight.

use std::sync::Arc;

use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;

use crate::llm::reading::Reading;

/// An answer in flight: text, reasoning and tool calls as they come, then its finish reason, then
/// its usage where that is known. Dropping it closes the connection to the upstream and gives its
/// place there to the next request.
pub struct Generation {
    source: Source,
}

enum Source {
    Upstream(Box<Reading>),
    /// The built-in model's answer, or one from the cache, and how many of its chunks are given
    /// out.
    Replay(Arc<[Chunk]>, usize),
    Ended,
    Failed(Failure),
}

impl Generation {
    pub(crate) fn reading(reading: Reading) -> Generation {
        Generation {
            source: Source::Upstream(Box::new(reading)),
        }
    }

    pub(crate) fn replay(chunks: Arc<[Chunk]>) -> Generation {
        Generation {
            source: Source::Replay(chunks, 0),
        }
    }

    /// The next chunk; none at the end. A call that is dropped while it waits loses nothing.
    ///
    /// # Errors
    /// `Timeout`: no token in time. `Unavailable`: the upstream cut the answer. `Limit`: the answer
    /// is too long. `Failed`: it is not what OpenAI's API says. An error that the upstream reports
    /// has the kind of its HTTP status. The failure stays: it is no silent end.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Failure> {
        let next = match &mut self.source {
            Source::Upstream(reading) => reading.next().await,
            Source::Replay(chunks, given) => {
                *given += 1;
                Ok(chunks.get(*given - 1).cloned())
            }
            Source::Ended => Ok(None),
            Source::Failed(failure) => Err(failure.clone()),
        };
        match &next {
            Ok(Some(_)) => {}
            // Either way the connection and the place are free now, not when the caller drops this.
            Ok(None) => self.source = Source::Ended,
            Err(failure) => self.source = Source::Failed(failure.clone()),
        }
        next
    }
}
