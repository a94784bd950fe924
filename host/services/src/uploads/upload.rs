//! A file that has arrived.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::byte_shares::Share;
use crate::uploads::UploadError;
use crate::uploads::disk::blocking;

/// Bytes of one read; a reader that asks for more gets this many.
pub const READ_BYTES_MAX: usize = 1 << 20;

/// A file on disk without a name, and how far it has been read.
#[derive(Debug)]
pub struct Upload {
    name: String,
    content_type: Option<String>,
    size: u64,
    file: Arc<File>,
    offset: u64,
    /// Its bytes on disk.
    _share: Share,
}

impl Upload {
    pub(super) fn new(
        name: String,
        content_type: Option<String>,
        size: u64,
        file: File,
        share: Share,
    ) -> Upload {
        Upload {
            name,
            content_type,
            size,
            file: Arc::new(file),
            offset: 0,
            _share: share,
        }
    }

    /// Its name as the client gave it, without folders.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its content type as the client gave it.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes, `max` and [`READ_BYTES_MAX`] at most; empty at the end. Cancel-safe.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn read(&mut self, max: usize) -> Result<Vec<u8>, UploadError> {
        let left = usize::try_from(self.size - self.offset).unwrap_or(usize::MAX);
        let length = max.min(READ_BYTES_MAX).min(left);
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        let bytes = blocking(move || {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, offset)?;
            Ok(bytes)
        })
        .await?;
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hayrick_types::settings::server::ServerSettings;

    use super::*;
    use crate::uploads::spool::{Owner, Spool};

    const OWNER: Owner<'_> = Owner {
        client: "c",
        pipeline: "p",
    };

    #[tokio::test]
    async fn a_file_comes_back_in_pieces_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path(), &ServerSettings::default());
        let mut arriving = spool
            .begin("a.txt".to_owned(), None, 10, OWNER)
            .await
            .unwrap();
        for piece in ["0123", "456", "789"] {
            arriving
                .write(Bytes::from_static(piece.as_bytes()))
                .await
                .unwrap();
        }
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "a file with a name outlives a killed process"
        );
        let mut upload = arriving.finish();
        assert_eq!((upload.name(), upload.size()), ("a.txt", 10));
        let mut pieces = Vec::new();
        loop {
            let piece = upload.read(4).await.unwrap();
            if piece.is_empty() {
                break;
            }
            pieces.push(piece);
        }
        assert_eq!(pieces, [b"0123".to_vec(), b"4567".to_vec(), b"89".to_vec()]);
    }

    #[tokio::test]
    async fn the_limit_holds_to_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        let mut arriving = Spool::new(folder.path(), &ServerSettings::default())
            .begin("a".to_owned(), None, 4, OWNER)
            .await
            .unwrap();
        arriving.write(Bytes::from_static(b"1234")).await.unwrap();
        let error = arriving.write(Bytes::from_static(b"5")).await.unwrap_err();
        assert!(
            matches!(error, UploadError::TooLong { max: 4, .. }),
            "{error}"
        );
    }
}
