//! OpenAI's protocol: chat completions, completions, embeddings and models.

pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod embeddings;
pub(crate) mod models;

use hayrick_types::failure::{Failure, FailureKind};

use crate::error::ApiError;

/// The error of a run that did not start: OpenAI says of an unknown model that it is one.
fn refusal(failure: Failure) -> ApiError {
    match failure.kind {
        FailureKind::NotFound => ApiError::unknown_model(failure.message),
        _ => ApiError::from(failure),
    }
}
