//! Errors of the key file.

use std::io;

/// The keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error(
        "the key file {path} cannot be used: {error}: check its permissions and the free space on its disk"
    )]
    File { path: String, error: io::Error },
    #[error(
        "the key file {path} is damaged ({error}): restore it from a backup, or remove it and create new keys"
    )]
    Damaged {
        path: String,
        error: serde_json::Error,
    },
    #[error("the operating system provides no randomness: {0}")]
    Randomness(String),
    #[error("the name of a key must have 1 to {max} characters and no control characters: choose another with --name", max = super::key::NAME_CHARS_MAX)]
    Name,
    #[error(
        "there are {0} keys, which is the maximum: remove the key file to start again without the revoked ones"
    )]
    TooMany(usize),
}
