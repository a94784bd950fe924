//! `uploads`: the files that a client sent with this run.

use hayrick_services::uploads::upload::{READ_BYTES_MAX, Upload};
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{types, uploads};
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_state::GuestState;
use crate::host_calls::{HostCall, HostCalls};
use crate::reached_limits::ReachedLimits;
use crate::slot::{give_back, lend};
use crate::upload::UploadSlot;

/// The part of a run's state that `uploads` uses.
pub struct UploadsView<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
    pub(crate) limits: &'a ReachedLimits,
}

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = UploadsView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> UploadsView<'_> {
    UploadsView {
        table: &mut state.table,
        calls: &state.calls,
        limits: &state.run.limits,
    }
}

/// One call of `read`. The file is out of its slot while the call waits.
struct ReadCall {
    upload: Upload,
    limits: ReachedLimits,
    _call: HostCall,
}

impl ReadCall {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>, types::Failure> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        self.limits.for_guest(self.upload.read(max).await)
    }
}

impl UploadsView<'_> {
    /// Begins a call that reads up to `max` bytes.
    fn begin_read(&mut self, slot: &Resource<UploadSlot>, max: u32) -> wasmtime::Result<ReadCall> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let call = self.calls.begin(max.min(READ_BYTES_MAX))?;
        Ok(ReadCall {
            upload: lend(self.table, slot)?,
            limits: self.limits.clone(),
            _call: call,
        })
    }
}

impl uploads::Host for UploadsView<'_> {}

impl uploads::HostUpload for UploadsView<'_> {
    fn name(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<String> {
        Ok(self.table.get(&slot)?.get()?.name().to_owned())
    }

    fn content_type(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<Option<String>> {
        let content_type = self.table.get(&slot)?.get()?.content_type();
        Ok(content_type.map(str::to_owned))
    }

    fn size(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&slot)?.get()?.size())
    }

    fn drop(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<()> {
        self.table.delete(slot)?;
        Ok(())
    }
}

impl<T> uploads::HostUploadWithStore<T> for HasView {
    async fn read(
        accessor: &Accessor<T, Self>,
        slot: Resource<UploadSlot>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let mut call = accessor.with(|mut access| access.get().begin_read(&slot, max))?;
        let bytes = call.read(max).await;
        accessor.with(|mut access| give_back(access.get().table, &slot, call.upload))?;
        Ok(bytes)
    }
}

impl sync::uploads::Host for UploadsView<'_> {}

impl sync::uploads::HostUpload for UploadsView<'_> {
    async fn name(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<String> {
        uploads::HostUpload::name(self, slot)
    }

    async fn content_type(
        &mut self,
        slot: Resource<UploadSlot>,
    ) -> wasmtime::Result<Option<String>> {
        uploads::HostUpload::content_type(self, slot)
    }

    async fn size(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<u64> {
        uploads::HostUpload::size(self, slot)
    }

    async fn read(
        &mut self,
        slot: Resource<UploadSlot>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let mut call = self.begin_read(&slot, max)?;
        let bytes = call.read(max).await;
        give_back(self.table, &slot, call.upload)?;
        Ok(bytes)
    }

    async fn drop(&mut self, slot: Resource<UploadSlot>) -> wasmtime::Result<()> {
        uploads::HostUpload::drop(self, slot)
    }
}
