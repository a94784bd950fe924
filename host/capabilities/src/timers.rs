//! `timers`: waiting.

use std::time::Duration;

use wasmtime::component::Accessor;

use crate::bindings::hayrick::pipeline::timers;
use crate::guest_state::{GuestState, HasGuest};

/// Longer sleeps than any run may last are cut to this.
const SLEEP_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Waits for `milliseconds`.
pub(crate) async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds).min(SLEEP_MAX)).await;
}

impl timers::Host for GuestState {}

impl timers::HostWithStore<GuestState> for HasGuest {
    async fn sleep(_accessor: &Accessor<GuestState, Self>, duration: u64) -> wasmtime::Result<()> {
        sleep(duration).await;
        Ok(())
    }
}
