//! Files that clients send: written to disk while they arrive, read from there in pieces, and deleted
//! with the last handle.

mod disk;
pub mod form;
pub mod spool;
pub mod upload;

use hayrick_types::failure::{Failure, FailureKind};

use crate::byte_shares::Full;

/// Why a file cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error(
        "the file '{name}' is larger than file_bytes_max, {max} bytes: send a smaller one, or ask the operator to raise it"
    )]
    TooLong { name: String, max: u64 },
    #[error(transparent)]
    NoRoom(#[from] Full),
    #[error("the disk that holds the data folder is full: free some space, then try again")]
    Full,
    #[error("the folder for incoming files cannot be used: {0}")]
    Disk(#[source] std::io::Error),
}

impl From<std::io::Error> for UploadError {
    fn from(error: std::io::Error) -> UploadError {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                UploadError::Full
            }
            _ => UploadError::Disk(error),
        }
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Failure {
        let kind = match error {
            UploadError::TooLong { .. } => FailureKind::InvalidInput,
            UploadError::NoRoom(_) | UploadError::Full => FailureKind::Unavailable,
            UploadError::Disk(_) => FailureKind::Failed,
        };
        Failure::new(kind, error.to_string())
    }
}
