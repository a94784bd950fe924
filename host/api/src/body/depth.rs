//! How deep a document of JSON lies: a parser's stack, here or in a plugin, must not depend on a
//! client.

use hayrick_types::limit_name::LimitName;

use crate::error::ApiError;

/// Refuses what lies deeper than `max`.
///
/// # Errors
/// 400.
pub(crate) fn check(json: &str, max: usize) -> Result<(), ApiError> {
    if is_too_deep(json, max) {
        let text = format!(
            "the body's JSON lies deeper than json_depth_max, {max} levels: make it flatter"
        );
        return Err(ApiError::invalid(text, None).limit(LimitName::JsonDepthMax));
    }
    Ok(())
}

/// The parser bounds what it builds, but skips what it does not know at any depth.
fn is_too_deep(json: &str, max: usize) -> bool {
    let mut depth = 0usize;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
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
    fn brackets_count_and_those_in_strings_do_not() {
        assert!(
            is_too_deep(&"[".repeat(4), 3)
                && is_too_deep(r#"{"a":[[{}"#, 3)
                && !is_too_deep(r#"{"a":[[]],"b":[{}]}"#, 3)
        );
        assert!(!is_too_deep(r#"["[[[[\"[[[["]"#, 1));
    }

    #[test]
    fn brackets_in_strings_have_no_depth() {
        let text = "[{".repeat(200);
        assert!(!is_too_deep(
            &format!(r#"{{"a":"{text}\"{text}\\","b":"\\\"{text}"}}"#),
            128
        ));
        assert!(is_too_deep(&format!(r#"{{"a":"\\",{text}"#), 128));
    }
}
