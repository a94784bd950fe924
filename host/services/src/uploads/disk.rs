//! Blocking work of uploads.

use crate::uploads::UploadError;

/// Runs disk I/O on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, UploadError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)))?)
}
