//! `uploads`: files a client sent with this run.

use hayrick_services::uploads::upload::{READ_BYTES_MAX, Upload};
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{types, uploads};
use crate::host_calls::HostCalls;
use crate::slot::{give_back, lend};
use crate::upload::UploadSlot;

/// Reads the next bytes of a lent file.
pub(crate) async fn read(upload: &mut Upload, max: u32) -> Result<Vec<u8>, types::Failure> {
    let read = upload
        .read(usize::try_from(max).unwrap_or(usize::MAX))
        .await;
    read.map_err(|error| hayrick_types::failure::Failure::from(error).into())
}

/// What one call of `read` holds at most.
fn piece_bytes(max: u32) -> usize {
    usize::try_from(max)
        .unwrap_or(usize::MAX)
        .min(READ_BYTES_MAX)
}

/// What a run reaches of its files.
pub struct UploadsView<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
}

/// How wasmtime gets at the view.
pub(crate) struct HasUploads;

impl HasData for HasUploads {
    type Data<'a> = UploadsView<'a>;
}

impl uploads::Host for UploadsView<'_> {}

impl uploads::HostUpload for UploadsView<'_> {
    fn name(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<String> {
        Ok(self.table.get(&slot)?.get()?.name().to_owned())
    }

    fn content_type(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<Option<String>> {
        Ok(self
            .table
            .get(&slot)?
            .get()?
            .content_type()
            .map(str::to_owned))
    }

    fn size(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&slot)?.get()?.size())
    }

    fn drop(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<()> {
        self.table.delete(slot)?;
        Ok(())
    }
}

impl<T> uploads::HostUploadWithStore<T> for HasUploads {
    async fn read(
        accessor: &Accessor<T, Self>,
        slot: Resource<UploadSlot>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let (mut upload, _call) = accessor.with(|mut access| {
            let view = access.get();
            let call = view.calls.begin(piece_bytes(max))?;
            lend(view.table, &slot).map(|upload| (upload, call))
        })?;
        let bytes = read(&mut upload, max).await;
        accessor.with(|mut access| give_back(access.get().table, &slot, upload))?;
        Ok(bytes)
    }
}
