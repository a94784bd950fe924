//! The thread that divides the CPU time of guests into slices.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

/// Length of a slice. A guest that computes yields after each slice, and limits on CPU time are
/// accurate to one slice.
const SLICE: Duration = Duration::from_millis(2);

/// Advances the engine's epoch until it is dropped.
pub(crate) struct EpochTicker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EpochTicker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<EpochTicker> {
        let engine = engine.weak();
        let (stop, stopped) = channel::<()>();
        let tick = move || {
            while stopped.recv_timeout(SLICE) == Err(RecvTimeoutError::Timeout) {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("epoch".to_owned())
            .spawn(tick)?;
        Ok(EpochTicker {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        // Closing the channel wakes the thread.
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, it has stopped anyway.
            let _ = thread.join();
        }
    }
}
