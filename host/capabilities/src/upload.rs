//! The host's side of the WIT resource `uploads.upload`.

use host_services::uploads::upload::Upload;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime::format_err;

/// A file that a guest holds; empty while a `read` is waiting, as a generation's slot is.
pub struct UploadSlot(Option<Upload>);

impl UploadSlot {
    /// A slot that holds `upload`.
    pub fn new(upload: Upload) -> UploadSlot {
        UploadSlot(Some(upload))
    }

    pub(crate) fn upload(&self) -> wasmtime::Result<&Upload> {
        self.0.as_ref().ok_or_else(still_reading)
    }
}

/// Takes a file out of its slot for the time of one call.
pub(crate) fn lend_upload(table: &mut ResourceTable, slot: &Resource<UploadSlot>) -> wasmtime::Result<Upload> {
    table.get_mut(slot)?.0.take().ok_or_else(still_reading)
}

/// Puts a lent file back.
pub(crate) fn return_upload(table: &mut ResourceTable, slot: &Resource<UploadSlot>, upload: Upload) -> wasmtime::Result<()> {
    table.get_mut(slot)?.0 = Some(upload);
    Ok(())
}

fn still_reading() -> wasmtime::Error {
    format_err!("an upload was used while a call of `read` on it was still waiting: await one before the other")
}
