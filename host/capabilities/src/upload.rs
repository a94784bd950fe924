//! The host's side of the WIT resource `uploads.upload`.

use hayrick_services::uploads::upload::Upload;

use crate::slot::{Lent, Slot};

/// A file that a guest holds.
pub type UploadSlot = Slot<Upload>;

impl Lent for Upload {
    const IN_USE: &'static str = "an upload was used while a call of `read` on it was still waiting: await one before the other";
}
