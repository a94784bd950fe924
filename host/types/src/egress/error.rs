//! Mistakes in a grant.

/// A mistake in a policy; the message is shown after the name of the key and a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GrantError(pub String);

/// The mistake as an error.
pub(crate) fn wrong<T>(text: impl Into<String>) -> Result<T, GrantError> {
    Err(GrantError(text.into()))
}
