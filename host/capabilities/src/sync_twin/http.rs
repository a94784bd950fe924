//! The twin of `http`.

use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use crate::bindings::hayrick::pipeline::http::{HostIncoming, Request};
use crate::guest_state::GuestState;
use crate::http::{read, send};
use crate::incoming::IncomingSlot;
use crate::slot::{give_back, lend};
use crate::sync_twin::outcome::{Outcome, Store};

pub(super) fn add(http: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    http.resource(
        "incoming",
        ResourceType::host::<IncomingSlot>(),
        |mut store, handle| store.data_mut().as_http().drop(Resource::new_own(handle)),
    )?;
    http.func_wrap(
        "[method]incoming.status",
        |mut store: Store<'_>, (slot,): (Resource<IncomingSlot>,)| {
            Ok((store.data_mut().as_http().status(slot)?,))
        },
    )?;
    http.func_wrap(
        "[method]incoming.headers",
        |mut store: Store<'_>, (slot,): (Resource<IncomingSlot>,)| {
            Ok((store.data_mut().as_http().headers(slot)?,))
        },
    )?;
    http.func_wrap_async(
        "[method]incoming.read",
        |mut store: Store<'_>, (slot, max): (Resource<IncomingSlot>, u32)| {
            Box::new(async move {
                let mut incoming = lend(&mut store.data_mut().table, &slot)?;
                let bytes = read(&mut incoming, max).await;
                give_back(&mut store.data_mut().table, &slot, incoming)?;
                Ok::<Outcome<Vec<u8>>, _>((bytes,))
            })
        },
    )?;
    http.func_wrap_async("send", |mut store: Store<'_>, (request,): (Request,)| {
        Box::new(async move {
            let session = store.data_mut().as_http().session;
            let sent = match send(session, request).await {
                Ok(slot) => Ok(store.data_mut().table.push(slot)?),
                Err(failure) => Err(failure),
            };
            Ok::<Outcome<Resource<IncomingSlot>>, _>((sent,))
        })
    })
}
