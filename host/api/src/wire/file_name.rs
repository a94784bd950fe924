//! File names that clients and plugins give.

/// The last part of a path, with slashes of either kind: nobody is led into another folder.
pub(crate) fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}
