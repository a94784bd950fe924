//! A form that has arrived.

use crate::uploads::upload::Upload;

/// Files and fields, each in the order of arrival.
#[derive(Debug, Default)]
pub struct Form {
    pub files: Vec<Upload>,
    /// The name of the field of each file.
    pub file_fields: Vec<String>,
    pub fields: Vec<(String, String)>,
}
