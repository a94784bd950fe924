//! Writes files to disk while they arrive.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::uploads::UploadError;
use crate::uploads::disk::blocking;
use crate::uploads::upload::Upload;

/// The folder for incoming files. They have no names there, so nothing of them is left, whatever
/// happens to the process.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
}

/// A file that is arriving. Dropping it discards it.
#[derive(Debug)]
pub struct Arriving {
    name: String,
    content_type: Option<String>,
    file: File,
    size: u64,
    size_max: u64,
}

impl Spool {
    /// A spool in `folder`, which exists.
    pub fn new(folder: &Path) -> Spool {
        Spool {
            folder: folder.to_owned(),
        }
    }

    /// Begins a file of up to `size_max` bytes.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub async fn begin(
        &self,
        name: String,
        content_type: Option<String>,
        size_max: u64,
    ) -> Result<Arriving, UploadError> {
        let folder = self.folder.clone();
        let file = blocking(move || tempfile::tempfile_in(folder)).await?;
        Ok(Arriving {
            name,
            content_type,
            file,
            size: 0,
            size_max,
        })
    }
}

impl Arriving {
    /// Appends bytes.
    ///
    /// # Errors
    /// The file is too long, or the disk is full.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.size_max {
            return Err(UploadError::TooLong {
                name: self.name.clone(),
                max: self.size_max,
            });
        }
        let mut file = self.file.try_clone()?;
        blocking(move || file.write_all(&bytes)).await
    }

    /// The file, complete.
    pub fn finish(self) -> Upload {
        Upload::new(self.name, self.content_type, self.size, self.file)
    }
}
