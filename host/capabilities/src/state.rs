//! `state`: what a plugin remembers between runs. Its keys are its own: the pipeline's name is the
//! host's, not the guest's word.

use std::sync::Arc;
use std::time::Duration;

use hayrick_services::state::State;
use hayrick_services::state::error::StateError;
use hayrick_types::failure::Failure;
use wasmtime::component::{Accessor, HasData};

use crate::bindings::hayrick::pipeline::{state, types};
use crate::host_calls::{HostCall, HostCalls};
use crate::plugin_share::PluginShare;
use crate::run_context::RunContext;

/// What a run reaches of the state.
pub struct StateView<'a> {
    pub(crate) state: &'a State,
    pub(crate) run: &'a RunContext,
    pub(crate) calls: &'a HostCalls,
}

/// One pipeline's state, for the length of a call.
pub(crate) struct Own {
    state: State,
    pipeline: Arc<str>,
    share: Arc<PluginShare>,
}

/// How wasmtime gets at the view.
pub(crate) struct HasState;

impl HasData for HasState {
    type Data<'a> = StateView<'a>;
}

impl StateView<'_> {
    pub(crate) fn own(&self) -> Own {
        Own {
            state: self.state.within(self.run.policy.state),
            pipeline: Arc::clone(&self.run.pipeline),
            share: Arc::clone(&self.run.share),
        }
    }

    /// The same for a call that holds `bytes`.
    fn begin(&self, bytes: usize) -> wasmtime::Result<(Own, HostCall)> {
        self.calls.begin(bytes).map(|call| (self.own(), call))
    }
}

impl Own {
    fn told<T>(&self, outcome: Result<T, StateError>) -> Result<T, types::Failure> {
        let told = outcome.map_err(Failure::from);
        told.inspect_err(|failure| self.share.count(failure))
            .map_err(Into::into)
    }
}

impl Own {
    pub(crate) async fn get(self, key: String) -> Result<Option<state::Entry>, types::Failure> {
        let entry = self.told(self.state.get(&self.pipeline, &key).await)?;
        Ok(entry.map(|entry| state::Entry {
            value: entry.value,
            revision: entry.revision,
        }))
    }

    pub(crate) async fn set(
        self,
        key: String,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> Result<u64, types::Failure> {
        self.told(
            self.state
                .set(&self.pipeline, &key, value, ttl.map(Duration::from_millis))
                .await,
        )
    }

    pub(crate) async fn delete(self, key: String) -> Result<bool, types::Failure> {
        self.told(self.state.delete(&self.pipeline, &key).await)
    }

    pub(crate) async fn list(
        self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, types::Failure> {
        self.told(
            self.state
                .list(&self.pipeline, &prefix, after.as_deref(), limit)
                .await,
        )
    }

    pub(crate) async fn compare_and_set(
        self,
        key: String,
        expected: Option<u64>,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> Result<Option<u64>, types::Failure> {
        self.told(
            self.state
                .compare_and_set(
                    &self.pipeline,
                    &key,
                    expected,
                    value,
                    ttl.map(Duration::from_millis),
                )
                .await,
        )
    }
}

impl state::Host for StateView<'_> {}

impl<T> state::HostWithStore<T> for HasState {
    async fn get(
        accessor: &Accessor<T, Self>,
        key: String,
    ) -> wasmtime::Result<Result<Option<state::Entry>, types::Failure>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(key.len()))?;
        Ok(own.get(key).await)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        key: String,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> wasmtime::Result<Result<u64, types::Failure>> {
        let (own, _call) =
            accessor.with(|mut access| access.get().begin(key.len() + value.len()))?;
        Ok(own.set(key, value, ttl).await)
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        key: String,
    ) -> wasmtime::Result<Result<bool, types::Failure>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(key.len()))?;
        Ok(own.delete(key).await)
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, types::Failure>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(prefix.len()))?;
        Ok(own.list(prefix, after, limit).await)
    }

    async fn compare_and_set(
        accessor: &Accessor<T, Self>,
        key: String,
        expected: Option<u64>,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> wasmtime::Result<Result<Option<u64>, types::Failure>> {
        let (own, _call) =
            accessor.with(|mut access| access.get().begin(key.len() + value.len()))?;
        Ok(own.compare_and_set(key, expected, value, ttl).await)
    }
}
