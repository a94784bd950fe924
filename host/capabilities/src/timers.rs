//! `timers`: waiting.

use std::time::Duration;

use wasmtime::component::{Accessor, HasData};

use crate::bindings::hayrick::pipeline::timers;
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_state::GuestState;
use crate::host_calls::HostCalls;

/// The longest sleep; no run may take longer.
const SLEEP_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The part of a run's state that `timers` uses: a waiting sleep counts as a host call.
pub struct TimersView<'a>(pub(crate) &'a HostCalls);

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = TimersView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> TimersView<'_> {
    TimersView(&state.calls)
}

/// Waits for `milliseconds`.
async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds).min(SLEEP_MAX)).await;
}

impl timers::Host for TimersView<'_> {}

impl<T> timers::HostWithStore<T> for HasView {
    async fn sleep(accessor: &Accessor<T, Self>, duration: u64) -> wasmtime::Result<()> {
        let _call = accessor.with(|mut access| access.get().0.begin(0))?;
        sleep(duration).await;
        Ok(())
    }
}

impl sync::timers::Host for TimersView<'_> {
    async fn sleep(&mut self, duration: u64) -> wasmtime::Result<()> {
        let _call = self.0.begin(0)?;
        sleep(duration).await;
        Ok(())
    }
}
