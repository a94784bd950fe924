//! How deep a JSON document is nested: a client must not decide over the stack of a parser, here or
//! in a plugin.

use hayrick_types::limit_name::LimitName;

use crate::body::outside_strings::outside_strings;
use crate::error::ApiError;

/// Refuses a document that is nested deeper than `max`.
///
/// # Errors
/// 400.
pub(crate) fn check(json: &str, max: usize) -> Result<(), ApiError> {
    if is_too_deep(json, max) {
        let text = format!(
            "the JSON of the body is nested deeper than {max} levels (json_depth_max): make it flatter"
        );
        return Err(ApiError::invalid(text, None).limit(LimitName::JsonDepthMax));
    }
    Ok(())
}

/// The parser limits the depth of what it builds, but not of the fields it skips.
fn is_too_deep(json: &str, max: usize) -> bool {
    let mut depth = 0usize;
    for byte in outside_strings(json) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_except_in_strings() {
        assert!(
            is_too_deep(&"[".repeat(4), 3)
                && is_too_deep(r#"{"a":[[{}"#, 3)
                && !is_too_deep(r#"{"a":[[]],"b":[{}]}"#, 3)
        );
        assert!(!is_too_deep(r#"["[[[[\"[[[["]"#, 1));
    }

    #[test]
    fn many_brackets_in_a_string_have_no_depth() {
        let text = "[{".repeat(200);
        assert!(!is_too_deep(
            &format!(r#"{{"a":"{text}\"{text}\\","b":"\\\"{text}"}}"#),
            128
        ));
        assert!(is_too_deep(&format!(r#"{{"a":"\\",{text}"#), 128));
    }
}
