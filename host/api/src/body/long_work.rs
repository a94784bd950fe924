//! Work on a long body, such as parsing it, which must not hold up the answers of others.

use std::future::pending;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// A body of this many bytes is long: parsing it takes about half a millisecond.
pub(crate) const LONG_BYTES: usize = 64 << 10;

/// Where work on long bodies is done: on threads that serve nobody, on half the processors at most.
#[derive(Debug)]
pub(crate) struct LongWork(Arc<Semaphore>);

impl Default for LongWork {
    fn default() -> LongWork {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        LongWork(Arc::new(Semaphore::new((processors / 2).max(1))))
    }
}

impl LongWork {
    /// Does the work on a body of `bytes` bytes: at once if it is short, or else in turn.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if bytes < LONG_BYTES {
            return work();
        }
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let done = spawn_blocking(move || {
            // Even if the client leaves, the next one waits until this thread is free.
            let _turn = turn;
            work()
        });
        match done.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            // The process ends.
            Err(Err(_)) => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_work_is_done_on_another_thread() {
        let work = LongWork::default();
        let here = std::thread::current().id();
        let place = || std::thread::current().id();
        assert_eq!(work.run(LONG_BYTES - 1, place).await, here);
        assert_ne!(work.run(LONG_BYTES, place).await, here);
    }
}
