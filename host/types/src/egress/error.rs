//! What is wrong with a grant.

/// A mistake of the operator's, as a sentence that goes on after the key's name and a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GrantError(pub String);

/// The mistake as an error.
pub(crate) fn wrong<T>(text: impl Into<String>) -> Result<T, GrantError> {
    Err(GrantError(text.into()))
}
