//! The twin of `state`.

use wasmtime::component::LinkerInstance;

use crate::bindings::hayrick::pipeline::state::Entry;
use crate::guest_state::GuestState;
use crate::sync_twin::outcome::{Outcome, Store};

/// Key, expected revision, value and time to live.
type CompareAndSet = (String, Option<u64>, Vec<u8>, Option<u64>);

pub(super) fn add(state: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    state.func_wrap_async("get", |mut store: Store<'_>, (key,): (String,)| {
        let own = store.data_mut().as_state().own();
        Box::new(async move { Ok::<Outcome<Option<Entry>>, _>((own.get(key).await,)) })
    })?;
    state.func_wrap_async(
        "set",
        |mut store: Store<'_>, (key, value, ttl): (String, Vec<u8>, Option<u64>)| {
            let own = store.data_mut().as_state().own();
            Box::new(async move { Ok::<Outcome<u64>, _>((own.set(key, value, ttl).await,)) })
        },
    )?;
    state.func_wrap_async("delete", |mut store: Store<'_>, (key,): (String,)| {
        let own = store.data_mut().as_state().own();
        Box::new(async move { Ok::<Outcome<bool>, _>((own.delete(key).await,)) })
    })?;
    state.func_wrap_async(
        "list",
        |mut store: Store<'_>, (prefix, after, limit): (String, Option<String>, u32)| {
            let own = store.data_mut().as_state().own();
            Box::new(async move {
                Ok::<Outcome<Vec<String>>, _>((own.list(prefix, after, limit).await,))
            })
        },
    )?;
    state.func_wrap_async(
        "compare-and-set",
        |mut store: Store<'_>, (key, expected, value, ttl): CompareAndSet| {
            let own = store.data_mut().as_state().own();
            Box::new(async move {
                Ok::<Outcome<Option<u64>>, _>((own
                    .compare_and_set(key, expected, value, ttl)
                    .await,))
            })
        },
    )
}
