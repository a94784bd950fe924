//! A form that has arrived.

use crate::uploads::upload::Upload;

/// Files and the fields beside them, in the order they came.
#[derive(Debug, Default)]
pub struct Form {
    pub files: Vec<Upload>,
    pub fields: Vec<(String, String)>,
}
