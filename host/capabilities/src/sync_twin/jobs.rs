//! The twin of `jobs`.

use wasmtime::component::LinkerInstance;

use crate::bindings::hayrick::pipeline::jobs::{Job, Status, SubmitOptions};
use crate::guest_state::GuestState;
use crate::sync_twin::outcome::{Outcome, Store};

pub(super) fn add(jobs: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    jobs.func_wrap_async(
        "submit",
        |mut store: Store<'_>, (kind, data, options): (String, String, SubmitOptions)| {
            let own = store.data_mut().as_jobs().own();
            Box::new(async move { Ok::<Outcome<Job>, _>((own.submit(kind, data, options).await,)) })
        },
    )?;
    jobs.func_wrap_async("get", |mut store: Store<'_>, (id,): (String,)| {
        let own = store.data_mut().as_jobs().own();
        Box::new(async move { Ok::<Outcome<Option<Job>>, _>((own.get(id).await,)) })
    })?;
    jobs.func_wrap_async(
        "list",
        |mut store: Store<'_>, (status, limit): (Option<Status>, u32)| {
            let own = store.data_mut().as_jobs().own();
            Box::new(async move { Ok::<Outcome<Vec<Job>>, _>((own.list(status, limit).await,)) })
        },
    )?;
    jobs.func_wrap_async("cancel", |mut store: Store<'_>, (id,): (String,)| {
        let own = store.data_mut().as_jobs().own();
        Box::new(async move { Ok::<Outcome<Job>, _>((own.cancel(id).await,)) })
    })?;
    jobs.func_wrap_async(
        "wait",
        |mut store: Store<'_>, (id, timeout): (String, Option<u64>)| {
            let own = store.data_mut().as_jobs().own();
            Box::new(async move { Ok::<Outcome<Job>, _>((own.wait(id, timeout).await,)) })
        },
    )?;
    jobs.func_wrap_async(
        "checkpoint",
        |mut store: Store<'_>, (document,): (String,)| {
            let own = store.data_mut().as_jobs().own();
            Box::new(async move { Ok::<Outcome<()>, _>((own.checkpoint(document).await,)) })
        },
    )
}
