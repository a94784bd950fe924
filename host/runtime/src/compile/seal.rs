//! The seal of compiled code. It proves which component the code belongs to, and that the code has
//! not changed since this host wrote it.
//!
//! A sealed file is an HMAC tag, followed by what it covers: a mark, the digest of the component,
//! the fingerprint of engine and settings, and the code.

use ring::hmac::{Context, HMAC_SHA256, Key, verify};

use crate::compile::artifact::Artifact;

/// Bytes of a key, a tag or a digest.
pub(super) const DIGEST_BYTES: usize = 32;
/// Identifies the format, so that a tag over any other data is never valid here.
const MARK: &[u8; 16] = b"hayrick code 1\n\0";
/// Bytes before the code.
pub(super) const HEADER_BYTES: usize = DIGEST_BYTES + MARK.len() + 2 * DIGEST_BYTES;

/// What the code was compiled from.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    /// SHA-256 of the component.
    pub(crate) component: [u8; DIGEST_BYTES],
    /// Fingerprint of the engine and its settings.
    pub(crate) engine: [u8; DIGEST_BYTES],
}

/// Seals code and opens sealed code.
pub(super) struct Sealer(Key);

impl Sealer {
    pub(super) fn new(key: &[u8; DIGEST_BYTES]) -> Sealer {
        Sealer(Key::new(HMAC_SHA256, key))
    }

    /// The bytes before the code in a sealed file.
    pub(super) fn header(&self, subject: &Subject, artifact: &Artifact) -> Vec<u8> {
        let covered = covered(subject);
        let mut context = Context::with_key(&self.0);
        context.update(&covered);
        context.update(artifact.bytes());
        [context.sign().as_ref(), &covered].concat()
    }

    /// Returns the code, if the seal is intact and the code belongs to this subject.
    pub(super) fn open(&self, subject: &Subject, mut sealed: Vec<u8>) -> Option<Artifact> {
        let (tag, covered_bytes) = sealed.split_at_checked(DIGEST_BYTES)?;
        verify(&self.0, covered_bytes, tag).ok()?;
        if !covered_bytes.starts_with(&covered(subject)) {
            return None;
        }
        sealed.drain(..HEADER_BYTES);
        Some(Artifact::from_compiler(sealed))
    }
}

fn covered(subject: &Subject) -> Vec<u8> {
    [MARK.as_slice(), &subject.component, &subject.engine].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject = Subject {
        component: [1; 32],
        engine: [2; 32],
    };

    fn sealed() -> Vec<u8> {
        let artifact = Artifact::from_compiler(b"code".to_vec());
        [
            Sealer::new(&[7; 32]).header(&SUBJECT, &artifact).as_slice(),
            b"code",
        ]
        .concat()
    }

    #[test]
    fn sealed_code_opens() {
        assert_eq!(
            Sealer::new(&[7; 32])
                .open(&SUBJECT, sealed())
                .unwrap()
                .bytes(),
            b"code"
        );
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_breaks_the_seal() {
        let (sealer, sealed) = (Sealer::new(&[7; 32]), sealed());
        assert_eq!(sealed.len(), HEADER_BYTES + 4);
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(
                    sealer.open(&SUBJECT, changed).is_none(),
                    "bit {bit} of byte {at}"
                );
            }
            assert!(
                sealer.open(&SUBJECT, sealed[..at].to_vec()).is_none(),
                "cut at {at}"
            );
        }
        assert!(
            sealer
                .open(&SUBJECT, [sealed.as_slice(), b"x"].concat())
                .is_none()
        );
    }

    #[test]
    fn code_of_another_component_engine_or_key_does_not_open() {
        let other_component = Subject {
            component: [3; 32],
            ..SUBJECT
        };
        let other_engine = Subject {
            engine: [3; 32],
            ..SUBJECT
        };
        for subject in [other_component, other_engine] {
            assert!(Sealer::new(&[7; 32]).open(&subject, sealed()).is_none());
        }
        assert!(Sealer::new(&[8; 32]).open(&SUBJECT, sealed()).is_none());
    }
}
