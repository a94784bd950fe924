//! The header that names a file which a client saves.

use std::fmt::Write;

use axum::http::HeaderValue;

use crate::wire::file_name::last_part;

/// `attachment`, with the name in both forms of RFC 6266: the plain one for old clients, and the one
/// that has every character.
pub(crate) fn attachment(name: Option<&str>) -> HeaderValue {
    let mut text = "attachment".to_owned();
    if let Some(name) = name.map(base_name).filter(|name| !name.is_empty()) {
        let plain: String = name.chars().map(plain).collect();
        // Writing to a text cannot fail.
        let _ = write!(text, "; filename=\"{plain}\"");
        if plain != name {
            text.push_str("; filename*=UTF-8''");
            name.bytes().for_each(|byte| push_encoded(&mut text, byte));
        }
    }
    // All of it is visible ASCII.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// A client must not be led into another folder.
fn base_name(name: &str) -> &str {
    last_part(name).trim_matches('.')
}

fn plain(character: char) -> char {
    match character {
        '"' | '\\' | '%' => '_',
        ' '..='~' => character,
        _ => '_',
    }
}

fn push_encoded(text: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        text.push(char::from(byte));
    } else {
        let _ = write!(text, "%{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_so_that_every_client_reads_them() {
        for (name, expected) in [
            (None, "attachment"),
            (Some(""), "attachment"),
            (Some("a b.png"), "attachment; filename=\"a b.png\""),
            (Some("../../etc/passwd"), "attachment; filename=\"passwd\""),
            (Some("C:\\x.txt"), "attachment; filename=\"x.txt\""),
            (
                Some("n\u{e4}\"\r\n.txt"),
                "attachment; filename=\"n____.txt\"; filename*=UTF-8''n%C3%A4%22%0D%0A.txt",
            ),
        ] {
            assert_eq!(attachment(name), expected, "{name:?}");
        }
    }
}
