//! The key of the compile cache. It is created at the first start, and only this user can read it.

use std::io::Read;
use std::path::Path;

use hayrick_services::atomic_file::{self, Access};
use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::fstat;

use crate::compile::error::CacheError;
use crate::compile::folder::{is_private_file, mode, open_file};
use crate::compile::seal::DIGEST_BYTES;

/// Reads the key, or creates one. The data folder is locked, so only one process does this at a
/// time.
///
/// # Errors
/// It cannot be read or written, others can read it, or it is not a valid key.
pub(super) fn read_or_create(path: &Path) -> Result<[u8; DIGEST_BYTES], CacheError> {
    let failed = |source| CacheError::Key {
        path: path.to_owned(),
        source,
    };
    let Some(mut file) = open_file(path).map_err(failed)? else {
        let mut key = [0; DIGEST_BYTES];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| CacheError::Random)?;
        // Written atomically: with half a key, every later start would fail.
        atomic_file::replace(path, &key, Access::Private).map_err(failed)?;
        return Ok(key);
    };
    let found = fstat(&file).map_err(|error| failed(error.into()))?;
    if !is_private_file(&found) {
        return Err(CacheError::KeyMode {
            path: path.to_owned(),
            owner: found.st_uid,
            mode: mode(&found),
        });
    }
    let mut key = [0; DIGEST_BYTES];
    let is_whole =
        file.read_exact(&mut key).is_ok() && file.read(&mut [0]).is_ok_and(|more| more == 0);
    if is_whole {
        Ok(key)
    } else {
        Err(CacheError::InvalidKey {
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_key_is_created_once_and_must_be_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.key");
        let key = read_or_create(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(read_or_create(&path).unwrap(), key);
        assert_ne!(
            read_or_create(&folder.path().join("other.key")).unwrap(),
            key
        );

        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            read_or_create(&path),
            Err(CacheError::KeyMode { mode: 0o640, .. })
        ));
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let link = folder.path().join("link.key");
        symlink(&path, &link).unwrap();
        assert!(matches!(read_or_create(&link), Err(CacheError::Key { .. })));
        for wrong in [&b"short"[..], &[7; 33]] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(
                read_or_create(&path),
                Err(CacheError::InvalidKey { .. })
            ));
        }
    }
}
