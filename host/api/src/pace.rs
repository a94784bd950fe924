//! A client that sends a body too slowly: with long pauses, or a byte now and then.

use std::time::Duration;

use tokio::time::{Instant, timeout};

/// A body on its way. Only the time that the client is waited for counts.
pub(crate) struct Pace {
    stall: Duration,
    /// Bytes a second; 0 is no bound.
    rate_min: u64,
    waited: Duration,
    bytes: u64,
}

/// The client is too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooSlow {
    #[error("nothing of the body came for {} ms: send it again", .0.as_millis())]
    Stalled(Duration),
    #[error(
        "the body comes with less than body_rate_min, {0} bytes a second: send it faster, or in smaller pieces"
    )]
    Trickles(u64),
}

impl Pace {
    /// Nothing has come yet. The rate counts once the client was waited for as long as it may
    /// stall.
    pub(crate) fn new(stall: Duration, rate_min: u64) -> Pace {
        Pace {
            stall,
            rate_min,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Waits for more; `bytes` tells how much it is.
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
            .map_err(|_| TooSlow::Stalled(self.stall))?;
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

    /// Pieces of so many bytes that come this far apart, until one is refused or `count` have come.
    async fn send(bytes: usize, apart: Duration, count: usize) -> Result<(), TooSlow> {
        let mut pace = Pace::new(10 * SECOND, 100);
        for _ in 0..count {
            pace.next(sleep(apart), |()| bytes).await?;
        }
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn who_stalls_or_trickles_is_too_slow_and_nobody_else() {
        assert_eq!(
            send(1000, 11 * SECOND, 1).await,
            Err(TooSlow::Stalled(10 * SECOND))
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
    async fn the_client_is_not_charged_for_time_the_server_takes() {
        let mut pace = Pace::new(10 * SECOND, 100);
        for _ in 0..5 {
            pace.next(async {}, |()| 1).await.unwrap();
            sleep(60 * SECOND).await;
        }
    }
}
