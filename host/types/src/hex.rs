//! Hexadecimal encoding.

/// Encodes bytes as lower-case hexadecimal.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_encoded_as_lower_case_hex() {
        assert_eq!(encode(&[0, 9, 0xab, 0xff]), "0009abff");
        assert_eq!(encode(&[]), "");
    }
}
