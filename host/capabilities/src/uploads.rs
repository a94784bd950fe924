//! `uploads`: files a client sent with this run.

use host_services::uploads::upload::Upload;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{types, uploads};
use crate::upload::{UploadSlot, lend_upload, return_upload};

/// Reads the next bytes of a lent file.
pub(crate) async fn read(upload: &mut Upload, max: u32) -> Result<Vec<u8>, types::Failure> {
    let read = upload.read(usize::try_from(max).unwrap_or(usize::MAX)).await;
    read.map_err(|error| host_types::failure::Failure::from(error).into())
}

/// What a run reaches of its files.
pub struct UploadsView<'a>(pub(crate) &'a mut ResourceTable);

/// How wasmtime gets at the view.
pub(crate) struct HasUploads;

impl HasData for HasUploads {
    type Data<'a> = UploadsView<'a>;
}

impl uploads::Host for UploadsView<'_> {}

impl uploads::HostUpload for UploadsView<'_> {
    fn name(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<String> {
        Ok(self.0.get(&slot)?.upload()?.name().to_owned())
    }

    fn content_type(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<Option<String>> {
        Ok(self.0.get(&slot)?.upload()?.content_type().map(str::to_owned))
    }

    fn size(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<u64> {
        Ok(self.0.get(&slot)?.upload()?.size())
    }

    fn drop(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<()> {
        self.0.delete(slot)?;
        Ok(())
    }
}

impl<T> uploads::HostUploadWithStore<T> for HasUploads {
    async fn read(accessor: &Accessor<T, Self>, slot: Resource<UploadSlot>, max: u32) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let mut upload = accessor.with(|mut access| lend_upload(access.get().0, &slot))?;
        let bytes = read(&mut upload, max).await;
        accessor.with(|mut access| return_upload(access.get().0, &slot, upload))?;
        Ok(bytes)
    }
}
