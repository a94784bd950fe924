//! The host's side of the WIT resource `uploads.upload`.

use hayrick_services::uploads::upload::Upload;

use crate::slot::{Slot, SlotContent};

/// An uploaded file that a guest holds.
pub type UploadSlot = Slot<Upload>;

impl SlotContent for Upload {
    const IN_USE: &'static str = "the plugin used an upload while a call of `read` on it was \
        still waiting: await that call first";
}
