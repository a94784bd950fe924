//! A generation: a model's answer while it is being made.

use std::sync::Arc;

use hayrick_types::chunk::Chunk;
use hayrick_types::failure::Failure;

use crate::llm::reading::Reading;

/// A model's answer while it is being made: text, reasoning and tool calls as they come, then the
/// finish reason, then the usage if it is known. Dropping it closes the connection to the upstream
/// and gives its place there to the next request.
pub struct Generation {
    source: Source,
}

enum Source {
    Upstream(Box<Reading>),
    /// The built-in model's answer, or one from the cache, and how many of its chunks were returned.
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

    /// The next chunk; `None` at the end. Cancel-safe.
    ///
    /// # Errors
    /// `Timeout`: no token in time. `Unavailable`: the answer broke off. `Limit`: it is too long.
    /// `Failed`: it does not follow OpenAI's API. An error that the upstream reports has the kind of
    /// its HTTP status. Further calls return the same failure.
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
