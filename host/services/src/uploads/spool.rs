//! Writes files to disk while they arrive.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::server::ServerSettings;

use crate::byte_shares::{Account, ByteShares, Share};
use crate::uploads::UploadError;
use crate::uploads::disk::blocking;
use crate::uploads::upload::Upload;

/// The account of all files.
const HOST: &str = "host";

/// The folder for incoming files. They have no names there, so nothing of them is left, whatever
/// happens to the process.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
    shares: ByteShares,
    limits: SpoolLimits,
}

/// How many bytes may be on disk, arriving ones included.
#[derive(Debug, Clone, Copy)]
struct SpoolLimits {
    client: u64,
    pipeline: u64,
    host: u64,
}

/// Whose file it is.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// Names the client that sends it.
    pub client: &'a str,
    /// The pipeline that gets it.
    pub pipeline: &'a str,
}

/// A file that is arriving. Dropping it discards it.
#[derive(Debug)]
pub struct Arriving {
    name: String,
    content_type: Option<String>,
    file: File,
    size: u64,
    size_max: u64,
    share: Share,
}

impl Spool {
    /// A spool in `folder`, which exists.
    pub fn new(folder: &Path, config: &ServerSettings) -> Spool {
        Spool {
            folder: folder.to_owned(),
            shares: ByteShares::default(),
            limits: SpoolLimits {
                client: config.client_spool_bytes_max,
                pipeline: config.pipeline_spool_bytes_max,
                host: config.spool_bytes_max,
            },
        }
    }

    /// Bytes of all files on disk.
    pub fn bytes(&self) -> u64 {
        self.shares.of(HOST)
    }

    fn share(&self, owner: Owner<'_>) -> Share {
        let account = |name: String, max, limit| Account { name, max, limit };
        let (client, pipeline) = (owner.client, owner.pipeline);
        self.shares.open(vec![
            account(
                format!("client {client}"),
                self.limits.client,
                LimitName::ClientSpoolBytesMax,
            ),
            account(
                format!("pipeline {pipeline}"),
                self.limits.pipeline,
                LimitName::PipelineSpoolBytesMax,
            ),
            account(HOST.to_owned(), self.limits.host, LimitName::SpoolBytesMax),
        ])
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
        owner: Owner<'_>,
    ) -> Result<Arriving, UploadError> {
        let folder = self.folder.clone();
        let file = blocking(move || tempfile::tempfile_in(folder)).await?;
        Ok(Arriving {
            name,
            content_type,
            file,
            size: 0,
            size_max,
            share: self.share(owner),
        })
    }
}

impl Arriving {
    /// Appends bytes.
    ///
    /// # Errors
    /// The file is too long, too much is on disk, or the disk is full.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.size_max {
            return Err(UploadError::TooLong {
                name: self.name.clone(),
                max: self.size_max,
            });
        }
        self.share.take(bytes.len() as u64)?;
        let mut file = self.file.try_clone()?;
        blocking(move || file.write_all(&bytes)).await
    }

    /// The file, complete.
    pub fn finish(self) -> Upload {
        Upload::new(
            self.name,
            self.content_type,
            self.size,
            self.file,
            self.share,
        )
    }
}
