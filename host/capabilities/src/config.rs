//! `config`: the values that the operator wrote for this plugin. Secrets are not among them.

use std::sync::Arc;

use hayrick_types::policy::Policy;
use wasmtime::component::HasData;

use crate::bindings::hayrick::pipeline::config;
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_state::GuestState;

/// The part of a run's state that `config` uses.
pub struct ConfigView<'a>(pub(crate) &'a Arc<Policy>);

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = ConfigView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> ConfigView<'_> {
    ConfigView(&state.run.policy)
}

impl config::Host for ConfigView<'_> {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.0.config.get(&key).cloned())
    }

    fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.0.config.keys().cloned().collect())
    }
}

impl sync::config::Host for ConfigView<'_> {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        config::Host::get(self, key)
    }

    async fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        config::Host::keys(self)
    }
}
