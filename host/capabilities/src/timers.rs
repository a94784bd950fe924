//! `timers`: waiting.

use std::time::Duration;

use wasmtime::component::{Accessor, HasData};

use crate::bindings::hayrick::pipeline::timers;

/// Longer sleeps than any run may last are cut to this.
const SLEEP_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Waiting needs nothing of the run.
pub struct TimersView;

/// How wasmtime gets at the view.
pub(crate) struct HasTimers;

impl HasData for HasTimers {
    type Data<'a> = TimersView;
}

/// Waits for `milliseconds`.
pub(crate) async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds).min(SLEEP_MAX)).await;
}

impl timers::Host for TimersView {}

impl<T> timers::HostWithStore<T> for HasTimers {
    async fn sleep(_accessor: &Accessor<T, Self>, duration: u64) -> wasmtime::Result<()> {
        sleep(duration).await;
        Ok(())
    }
}
