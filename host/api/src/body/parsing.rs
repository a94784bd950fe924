//! Room for a JSON document while it is parsed into values: `[1,1,1]` takes many times the memory of
//! its text, so it counts for its client like a body.

use axum::http::Extensions;
use hayrick_services::byte_shares::{Full, Share};

use crate::body::long_work::LONG_BYTES;
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

/// Takes room for the values of these documents until the share is dropped. Short ones need none.
///
/// # Errors
/// The shares of memory are used up.
pub(crate) async fn room<T: Texts>(
    state: &ApiState,
    extensions: &Extensions,
    documents: T,
) -> Result<(T, Share), Full> {
    let mut share = state.hold_body(extensions);
    let bytes: usize = documents.texts().iter().map(|text| text.len()).sum();
    if bytes < LONG_BYTES {
        return Ok((documents, share));
    }
    let count = move || {
        let values = documents.texts().into_iter().map(values).sum::<u64>();
        (documents, values)
    };
    let (documents, values) = state.long_work().run(bytes, count).await;
    share.take(values.saturating_mul(VALUE_BYTES))?;
    Ok((documents, share))
}

/// How many values a document has at most: one more than what begins or follows another.
fn values(json: &str) -> u64 {
    let mut count = 1;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' | b',' | b':' => count += 1,
            // To the end of the string; what follows a backslash does not end it.
            b'"' => {
                while bytes
                    .next()
                    .is_some_and(|byte| byte != b'"' && (byte != b'\\' || bytes.next().is_some()))
                {
                }
            }
            _ => {}
        }
    }
    count
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
