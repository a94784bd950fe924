//! `config`: values the operator wrote for this plugin. Secrets are none of them.

use std::sync::Arc;

use hayrick_types::policy::Policy;
use wasmtime::component::HasData;

use crate::bindings::hayrick::pipeline::config;

/// What a run reaches of its values.
pub struct ConfigView<'a>(pub(crate) &'a Arc<Policy>);

/// How wasmtime gets at the view.
pub(crate) struct HasConfig;

impl HasData for HasConfig {
    type Data<'a> = ConfigView<'a>;
}

impl config::Host for ConfigView<'_> {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.0.config.get(&key).cloned())
    }

    fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.0.config.keys().cloned().collect())
    }
}
