//! The twin of `uploads`.

use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use crate::bindings::hayrick::pipeline::uploads::HostUpload;
use crate::guest_state::GuestState;
use crate::slot::{give_back, lend};
use crate::sync_twin::outcome::{Outcome, Store};
use crate::upload::UploadSlot;
use crate::uploads::read;

pub(super) fn add(uploads: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    uploads.resource(
        "upload",
        ResourceType::host::<UploadSlot>(),
        |mut store, handle| {
            store
                .data_mut()
                .as_uploads()
                .drop(Resource::new_own(handle))
        },
    )?;
    uploads.func_wrap(
        "[method]upload.name",
        |mut store: Store<'_>, (slot,): (Resource<UploadSlot>,)| {
            Ok((store.data_mut().as_uploads().name(slot)?,))
        },
    )?;
    uploads.func_wrap(
        "[method]upload.content-type",
        |mut store: Store<'_>, (slot,): (Resource<UploadSlot>,)| {
            Ok((store.data_mut().as_uploads().content_type(slot)?,))
        },
    )?;
    uploads.func_wrap(
        "[method]upload.size",
        |mut store: Store<'_>, (slot,): (Resource<UploadSlot>,)| {
            Ok((store.data_mut().as_uploads().size(slot)?,))
        },
    )?;
    uploads.func_wrap_async(
        "[method]upload.read",
        |mut store: Store<'_>, (slot, max): (Resource<UploadSlot>, u32)| {
            Box::new(async move {
                let mut upload = lend(&mut store.data_mut().table, &slot)?;
                let bytes = read(&mut upload, max).await;
                give_back(&mut store.data_mut().table, &slot, upload)?;
                Ok::<Outcome<Vec<u8>>, _>((bytes,))
            })
        },
    )
}
