//! Parses JSON of clients into values: `[1,1,1]` takes many times the memory of its text, so the
//! values count for their client like a body while they are there.

use axum::http::Extensions;

use crate::body::long_work::LONG_BYTES;
use crate::body::outside_strings::outside_strings;
use crate::error::ApiError;
use crate::state::ApiState;

/// Bytes of one value, with its place in a list or an object that grew.
const VALUE_BYTES: u64 = 64;

/// Texts that are parsed into values.
pub(crate) trait Texts: Send + 'static {
    /// Each of them.
    fn texts(&self) -> Vec<&str>;
}

impl Texts for String {
    fn texts(&self) -> Vec<&str> {
        vec![self]
    }
}

/// Runs `parse`, on a thread of its own if the documents are long. What it returns should have few
/// values, because they no longer count for the client.
///
/// # Errors
/// The values do not fit beside those of other requests, or `parse` fails.
pub(crate) async fn parse<D: Texts, T: Send + 'static>(
    state: &ApiState,
    extensions: &Extensions,
    documents: D,
    parse: impl FnOnce(D) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let bytes: usize = documents.texts().iter().map(|text| text.len()).sum();
    if bytes < LONG_BYTES {
        return parse(documents);
    }
    let mut room = state.hold_body(extensions);
    let work = move || {
        let values: u64 = documents.texts().into_iter().map(values).sum();
        room.take(values.saturating_mul(VALUE_BYTES))?;
        parse(documents)
    };
    state.long_work().run(bytes, work).await
}

/// How many values a document has at most: one more than what begins or follows another.
fn values(json: &str) -> u64 {
    let separators = outside_strings(json).filter(|byte| b"[{,:".contains(byte));
    separators.count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_those_in_strings_are_not() {
        for (json, expected) in [("1", 1), ("[]", 2), ("[1,2]", 3), (r#"{"a,[":"\",["}"#, 3)] {
            assert_eq!(values(json), expected, "{json}");
        }
    }
}
