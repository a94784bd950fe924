//! The text of a key: `hrk_`, its id, `_`, its secret.
//!
//! The secret has 256 bits of the operating system's randomness, so nobody finds it by trying, and
//! a fast digest of it is as safe in a file as a slow one: slow ones are for passwords, which
//! people choose. Hex needs no escape anywhere, and a double click takes all of it.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::keys::error::KeysError;

/// How every key begins, so that people and scanners of secrets know one when they see it.
pub const PREFIX: &str = "hrk_";

const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

/// A fresh id and the secret to it.
pub(super) fn fresh() -> Result<(String, String), KeysError> {
    let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
    for bytes in [&mut id[..], &mut secret[..]] {
        getrandom::fill(bytes).map_err(|error| KeysError::Randomness(error.to_string()))?;
    }
    Ok((hex(&id), hex(&secret)))
}

/// The whole text.
pub(super) fn write(id: &str, secret: &str) -> String {
    format!("{PREFIX}{id}_{secret}")
}

/// Id and secret of a text that has the shape of a key.
pub(super) fn parse(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    (id.len() == 2 * ID_BYTES && secret.len() == 2 * SECRET_BYTES).then_some((id, secret))
}

/// The digest that is stored.
pub(super) fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Whether two digests are the same, in a time that depends on their length only.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
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
