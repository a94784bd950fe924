//! What can go wrong with the file of keys.

use std::io;

/// The keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error(
        "the file of keys {path} cannot be used: {error}: see to its rights and to the space on its disk"
    )]
    File { path: String, error: io::Error },
    #[error(
        "the file of keys {path} is damaged ({error}): bring it back from a backup, or remove it and make new keys"
    )]
    Damaged {
        path: String,
        error: serde_json::Error,
    },
    #[error("the operating system gives no randomness: {0}")]
    Randomness(String),
    #[error("a key's name has 1 to {max} characters, none of them a control character: choose another with --name", max = super::key::NAME_CHARS_MAX)]
    Name,
    #[error(
        "there are {0} keys already, which is the most there can be: revoked ones go when the file is removed"
    )]
    TooMany(usize),
}
