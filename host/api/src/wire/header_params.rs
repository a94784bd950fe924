//! Headers of the form `value; name=value; name="value"`, read as liberally as browsers and mail
//! programs write them.

/// The value before the first semicolon, in lower case, and the parameters in their order, with
/// names in lower case. Bytes that are not ASCII stay.
pub(crate) fn parse(header: &[u8]) -> (String, Vec<(String, Vec<u8>)>) {
    let mut pieces = split(header).into_iter();
    let value = pieces.next().unwrap_or_default();
    let params = pieces.filter_map(|piece| {
        let equals = piece.iter().position(|byte| *byte == b'=')?;
        let (name, value) = piece.split_at(equals);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        Some((lower(name), unquoted(value)))
    });
    (lower(value), params.collect())
}

/// The first parameter of this name.
pub(crate) fn find<'a>(params: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let found = params.iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value.as_slice())
}

fn lower(text: &[u8]) -> String {
    String::from_utf8_lossy(text.trim_ascii()).to_ascii_lowercase()
}

/// The pieces between semicolons; those within quotes separate nothing.
fn split(header: &[u8]) -> Vec<&[u8]> {
    let (mut is_quoted, mut is_escaped, mut start) = (false, false, 0);
    let mut pieces = Vec::new();
    for (at, byte) in header.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' if !is_quoted => {
                pieces.push(header.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(header.get(start..).unwrap_or_default());
    pieces
}

/// The text between quotes. Only quotes and backslashes are escaped: a path of Windows stays.
fn unquoted(value: &[u8]) -> Vec<u8> {
    let inner = value
        .strip_prefix(b"\"")
        .map(|rest| rest.strip_suffix(b"\"").unwrap_or(rest));
    let Some(inner) = inner else {
        return value.to_vec();
    };
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = bytes.next_if(|next| byte == b'\\' && matches!(next, b'"' | b'\\'));
        text.push(escaped.unwrap_or(byte));
    }
    text
}

/// UTF-8, or else Latin-1, which every byte is.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// A value with its charset, `UTF-8''na%C3%AFve.txt` (RFC 8187); `None` if it is not one.
pub(crate) fn extended(value: &[u8]) -> Option<String> {
    let value = std::str::from_utf8(value).ok()?;
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let bytes = percent_decoded(encoded)?;
    if charset.eq_ignore_ascii_case("utf-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        Some(bytes.into_iter().map(char::from).collect())
    } else {
        None
    }
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_however_they_are_written() {
        let cases: [(&str, &str, &str); 7] = [
            ("multipart/form-data; boundary=abc", "boundary", "abc"),
            (
                "Multipart/Form-Data;BOUNDARY=\"a;b\" ; x=1",
                "boundary",
                "a;b",
            ),
            (
                "multipart/form-data; boundary=abc ; charset=utf-8",
                "boundary",
                "abc",
            ),
            (
                "form-data; filename = \"a\\\"b\\\\c\"",
                "filename",
                "a\"b\\c",
            ),
            (
                "form-data; filename=\"C:\\docs\\b.txt\"",
                "filename",
                "C:\\docs\\b.txt",
            ),
            ("form-data; filename=\"open", "filename", "open"),
            ("form-data;; filename=a b ;", "filename", "a b"),
        ];
        for (header, name, expected) in cases {
            let (value, params) = parse(header.as_bytes());
            assert!(value.contains("form-data"), "{header}");
            let found = find(&params, name).map(text);
            assert_eq!(found.as_deref(), Some(expected), "{header}");
        }
    }

    #[test]
    fn extended_values_name_their_charset() {
        let of = |value: &str| extended(value.as_bytes());
        assert_eq!(of("UTF-8''na%C3%AFve.txt").as_deref(), Some("naïve.txt"));
        assert_eq!(of("iso-8859-1'en'na%EFve").as_deref(), Some("naïve"));
        for wrong in ["plain", "UTF-8''%ZZ", "UTF-8''%C3", "UTF-8''%", "koi8-r''a"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(text(b"gr\xfcn"), "grün");
    }
}
