//! A form that has arrived.

use crate::uploads::upload::Upload;

/// Files and fields, each in the order of arrival.
#[derive(Debug, Default)]
pub struct Form {
    pub files: Vec<Upload>,
    pub fields: Vec<(String, String)>,
}
