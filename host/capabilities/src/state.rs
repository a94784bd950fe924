//! `state`: what a plugin remembers between runs. A plugin sees only its own keys, because the host
//! fills in the name of the pipeline.

use std::sync::Arc;
use std::time::Duration;

use hayrick_services::state::State;
use wasmtime::component::{Accessor, HasData};

use crate::bindings::hayrick::pipeline::{state, types};
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_state::GuestState;
use crate::held::held;
use crate::host_calls::{HostCall, HostCalls};
use crate::reached_limits::ReachedLimits;
use crate::run_context::RunContext;

/// The part of a run's state that `state` uses.
pub struct StateView<'a> {
    pub(crate) state: &'a State,
    pub(crate) run: &'a RunContext,
    pub(crate) calls: &'a HostCalls,
}

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = StateView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> StateView<'_> {
    StateView {
        state: &state.services.state,
        run: &state.run,
        calls: &state.calls,
    }
}

impl StateView<'_> {
    /// Begins a call that holds `bytes`.
    fn begin(&self, bytes: usize) -> wasmtime::Result<StateCall> {
        Ok(StateCall {
            state: self.state.within(self.run.policy.state),
            pipeline: Arc::clone(&self.run.pipeline),
            limits: self.run.limits.clone(),
            call: self.calls.begin(bytes)?,
        })
    }
}

/// One call of `state`: what it needs while it waits.
struct StateCall {
    state: State,
    pipeline: Arc<str>,
    limits: ReachedLimits,
    call: HostCall,
}

impl StateCall {
    async fn get(self, key: String) -> Result<Option<state::Entry>, types::Failure> {
        let _read = self.call.read().await;
        let entry = self
            .limits
            .for_guest(self.state.get(&self.pipeline, &key).await)?;
        Ok(entry.map(|entry| state::Entry {
            value: entry.value,
            revision: entry.revision,
        }))
    }

    async fn set(
        self,
        key: String,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> Result<u64, types::Failure> {
        self.limits.for_guest(
            self.state
                .set(&self.pipeline, &key, value, ttl.map(Duration::from_millis))
                .await,
        )
    }

    async fn delete(self, key: String) -> Result<bool, types::Failure> {
        self.limits
            .for_guest(self.state.delete(&self.pipeline, &key).await)
    }

    async fn list(
        self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, types::Failure> {
        let _read = self.call.read().await;
        self.limits.for_guest(
            self.state
                .list(&self.pipeline, &prefix, after.as_deref(), limit)
                .await,
        )
    }

    async fn compare_and_set(
        self,
        key: String,
        expected: Option<u64>,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> Result<Option<u64>, types::Failure> {
        self.limits.for_guest(
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

impl<T> state::HostWithStore<T> for HasView {
    async fn get(
        accessor: &Accessor<T, Self>,
        key: String,
    ) -> wasmtime::Result<Result<Option<state::Entry>, types::Failure>> {
        let call = accessor.with(|mut access| access.get().begin(held(&key)))?;
        Ok(call.get(key).await)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        key: String,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> wasmtime::Result<Result<u64, types::Failure>> {
        let call = accessor.with(|mut access| access.get().begin(held(&key) + held(&value)))?;
        Ok(call.set(key, value, ttl).await)
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        key: String,
    ) -> wasmtime::Result<Result<bool, types::Failure>> {
        let call = accessor.with(|mut access| access.get().begin(held(&key)))?;
        Ok(call.delete(key).await)
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, types::Failure>> {
        let call = accessor.with(|mut access| access.get().begin(held(&prefix) + held(&after)))?;
        Ok(call.list(prefix, after, limit).await)
    }

    async fn compare_and_set(
        accessor: &Accessor<T, Self>,
        key: String,
        expected: Option<u64>,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> wasmtime::Result<Result<Option<u64>, types::Failure>> {
        let call = accessor.with(|mut access| access.get().begin(held(&key) + held(&value)))?;
        Ok(call.compare_and_set(key, expected, value, ttl).await)
    }
}

impl sync::state::Host for StateView<'_> {
    async fn get(
        &mut self,
        key: String,
    ) -> wasmtime::Result<Result<Option<state::Entry>, types::Failure>> {
        Ok(self.begin(held(&key))?.get(key).await)
    }

    async fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> wasmtime::Result<Result<u64, types::Failure>> {
        let call = self.begin(held(&key) + held(&value))?;
        Ok(call.set(key, value, ttl).await)
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<bool, types::Failure>> {
        Ok(self.begin(held(&key))?.delete(key).await)
    }

    async fn list(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, types::Failure>> {
        let call = self.begin(held(&prefix) + held(&after))?;
        Ok(call.list(prefix, after, limit).await)
    }

    async fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<u64>,
        value: Vec<u8>,
        ttl: Option<u64>,
    ) -> wasmtime::Result<Result<Option<u64>, types::Failure>> {
        let call = self.begin(held(&key) + held(&value))?;
        Ok(call.compare_and_set(key, expected, value, ttl).await)
    }
}
