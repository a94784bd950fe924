//! `log`: writes to the log of the host. Each line carries the id of the run.

use wasmtime::component::HasData;

use crate::bindings::hayrick::pipeline::{log, types};
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_log::GuestLog;
use crate::guest_state::GuestState;

/// The part of a run's state that `log` uses.
pub struct LogView<'a>(pub(crate) &'a GuestLog);

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = LogView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> LogView<'_> {
    LogView(&state.log)
}

impl log::Host for LogView<'_> {
    fn write(&mut self, level: types::Level, message: String) -> wasmtime::Result<()> {
        self.0.write(level, &message);
        Ok(())
    }
}

impl sync::log::Host for LogView<'_> {
    async fn write(&mut self, level: types::Level, message: String) -> wasmtime::Result<()> {
        log::Host::write(self, level, message)
    }
}
