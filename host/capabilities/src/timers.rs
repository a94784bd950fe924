//! `timers`: waiting.

use std::time::Duration;

use wasmtime::component::{Accessor, HasData};

use crate::bindings::hayrick::pipeline::timers;
use crate::host_calls::HostCalls;

/// Longer sleeps than any run may last are cut to this.
const SLEEP_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Waiting needs nothing of the run but a place among its calls.
pub struct TimersView<'a>(pub(crate) &'a HostCalls);

/// How wasmtime gets at the view.
pub(crate) struct HasTimers;

impl HasData for HasTimers {
    type Data<'a> = TimersView<'a>;
}

/// Waits for `milliseconds`.
pub(crate) async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds).min(SLEEP_MAX)).await;
}

impl timers::Host for TimersView<'_> {}

impl<T> timers::HostWithStore<T> for HasTimers {
    async fn sleep(accessor: &Accessor<T, Self>, duration: u64) -> wasmtime::Result<()> {
        let _call = accessor.with(|mut access| access.get().0.begin(0))?;
        sleep(duration).await;
        Ok(())
    }
}
