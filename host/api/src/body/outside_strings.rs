//! Looks at a JSON document without parsing it.

/// The bytes of a document that are not in strings.
pub(crate) fn outside_strings(json: &str) -> impl Iterator<Item = u8> {
    let mut bytes = json.bytes();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        if byte == b'"' {
            // To the end of the string; what follows a backslash does not end it.
            while bytes
                .next()
                .is_some_and(|byte| byte != b'"' && (byte != b'\\' || bytes.next().is_some()))
            {
            }
        }
        Some(byte)
    })
}
