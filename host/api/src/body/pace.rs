//! Gives up on a client that sends a body too slowly: with long pauses, or a byte now and then.

use std::time::Duration;

use hayrick_types::limit_name::LimitName;
use tokio::time::{Instant, timeout};

/// The pace of a body. Only the time that the server waits for the client counts.
pub(crate) struct Pace {
    stall: Duration,
    /// The limit that `stall` is.
    stall_limit: LimitName,
    /// Bytes a second; 0 means any rate.
    rate_min: u64,
    waited: Duration,
    bytes: u64,
}

/// The client is too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooSlow {
    #[error(
        "no part of the body came for {} ms ({limit}): send it again, without pauses",
        .max.as_millis()
    )]
    Stalled { limit: LimitName, max: Duration },
    #[error(
        "the body comes with less than {0} bytes a second (body_rate_min): send it faster, or \
         send less"
    )]
    Trickles(u64),
}

impl TooSlow {
    /// The limit that was reached.
    pub(crate) fn limit(self) -> LimitName {
        match self {
            TooSlow::Stalled { limit, .. } => limit,
            TooSlow::Trickles(_) => LimitName::BodyRateMin,
        }
    }
}

impl Pace {
    /// Starts with nothing received. The rate counts once the server has waited for `stall`.
    pub(crate) fn new(stall: Duration, stall_limit: LimitName, rate_min: u64) -> Pace {
        Pace {
            stall,
            stall_limit,
            rate_min,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Waits for more; `bytes` returns its length.
    ///
    /// # Errors
    /// The client is too slow.
    pub(crate) async fn next<T>(
        &mut self,
        more: impl Future<Output = T>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Result<T, TooSlow> {
        let begun = Instant::now();
        let more = timeout(self.stall, more)
            .await
            .map_err(|_| TooSlow::Stalled {
                limit: self.stall_limit,
                max: self.stall,
            })?;
        self.waited = self.waited.saturating_add(begun.elapsed());
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes(&more)).unwrap_or(u64::MAX));
        let wanted = self.waited.as_millis().saturating_mul(self.rate_min.into()) / 1000;
        if self.waited > self.stall && u128::from(self.bytes) < wanted {
            return Err(TooSlow::Trickles(self.rate_min));
        }
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Sends `count` pieces of `bytes` bytes, `apart` from each other, until one is refused.
    async fn send(bytes: usize, apart: Duration, count: usize) -> Result<(), TooSlow> {
        let mut pace = Pace::new(10 * SECOND, LimitName::BodyStallTimeout, 100);
        for _ in 0..count {
            pace.next(sleep(apart), |()| bytes).await?;
        }
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stalls_or_trickles_is_too_slow() {
        assert_eq!(
            send(1000, 11 * SECOND, 1).await,
            Err(TooSlow::Stalled {
                limit: LimitName::BodyStallTimeout,
                max: 10 * SECOND
            })
        );
        assert_eq!(
            send(1, SECOND, 10).await,
            Ok(()),
            "a short body may come slowly"
        );
        assert_eq!(send(1, SECOND, 11).await, Err(TooSlow::Trickles(100)));
        assert_eq!(send(200, SECOND, 1000).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_the_server_does_not_count() {
        let mut pace = Pace::new(10 * SECOND, LimitName::BodyStallTimeout, 100);
        for _ in 0..5 {
            pace.next(async {}, |()| 1).await.unwrap();
            sleep(60 * SECOND).await;
        }
    }
}
