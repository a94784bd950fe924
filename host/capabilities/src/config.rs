//! `config`: values the operator wrote for this plugin, without the secrets.

use std::sync::Arc;

use hayrick_types::policy::Policy;
use wasmtime::component::HasData;

use crate::bindings::hayrick::pipeline::config;
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_state::GuestState;

/// What a run reaches of its values.
pub struct ConfigView<'a>(pub(crate) &'a Arc<Policy>);

/// How wasmtime gets at the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = ConfigView<'a>;
}

/// The view of a run.
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
