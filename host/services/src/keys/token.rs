//! The text of a key: `hrk_`, its id, `_`, its secret.
//!
//! The secret has 256 bits of the operating system's randomness, so nobody finds it by trying, and
//! a fast digest of it is as safe in a file as a slow one: slow ones are for passwords, which
//! people choose. Hex needs no escaping, and a double click selects all of it.

use hayrick_types::hex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::keys::error::KeysError;

/// The beginning of every key, by which people and secret scanners recognise it.
pub const PREFIX: &str = "hrk_";

const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// A new id and its secret.
pub(super) fn fresh() -> Result<(String, String), KeysError> {
    let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
    for bytes in [&mut id[..], &mut secret[..]] {
        getrandom::fill(bytes).map_err(|error| KeysError::Randomness(error.to_string()))?;
    }
    Ok((hex::encode(&id), hex::encode(&secret)))
}

/// The text of a key.
pub(super) fn write(id: &str, secret: &str) -> String {
    format!("{PREFIX}{id}_{secret}")
}

/// Id and secret of a text in the format of a key.
pub(super) fn parse(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    (id.len() == 2 * ID_BYTES && secret.len() == 2 * SECRET_BYTES).then_some((id, secret))
}

/// The digest that is stored.
pub(super) fn digest(secret: &str) -> String {
    hex::encode(&Sha256::digest(secret.as_bytes()))
}

/// Compares two digests in a time that depends on their length only.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_of_a_key_is_parsed() {
        let (id, secret) = fresh().unwrap();
        let text = write(&id, &secret);
        assert_eq!(parse(&text), Some((id.as_str(), secret.as_str())));
        assert_eq!(text.len(), 4 + 12 + 1 + 64);
        for wrong in [
            "",
            "hrk_",
            "hrk__",
            "sk-1",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}0"),
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_ne!(fresh().unwrap().1, secret);
        assert!(
            is_same(&digest(&secret), &digest(&secret))
                && !is_same(&digest(&secret), &digest(&id))
                && !is_same("", "0")
        );
    }
}
