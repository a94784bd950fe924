//! Masks secrets in what a server sends, before a guest sees it.

use crate::secret::Secret;

/// Replaces a secret.
const MASK: &[u8] = b"[secret]";

/// The spellings of some secrets.
#[derive(Default)]
pub(crate) struct Redactor {
    /// The longest first.
    needles: Vec<Vec<u8>>,
}

/// The end of an unfinished text, which may be the beginning of a secret.
#[derive(Default)]
pub(crate) struct Tail(Vec<u8>);

enum Found {
    Whole(usize),
    Beginning,
    Nothing,
}

impl Redactor {
    /// Masks these secrets, plain and as URLs and JSON encode them.
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Redactor {
        let mut needles: Vec<Vec<u8>> = secrets
            .flat_map(|secret| spellings(secret.expose()))
            .filter(|text| !text.is_empty())
            .collect();
        needles.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        needles.dedup();
        Redactor { needles }
    }

    /// Whether there is nothing to mask.
    pub(crate) fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// A whole text with its secrets masked; `None` if it has none.
    pub(crate) fn whole(&self, text: &[u8]) -> Option<Vec<u8>> {
        let clean = self.next(&mut Tail::default(), text, true);
        (clean != text).then_some(clean)
    }

    /// Whether a text that may have been lower-cased contains a secret.
    pub(crate) fn is_in_lower(&self, lower: &str) -> bool {
        self.needles
            .iter()
            .any(|needle| lower.contains(&String::from_utf8_lossy(needle).to_ascii_lowercase()))
    }

    /// The next piece of a text with its secrets masked. What may be the beginning of a secret waits
    /// in `tail` for the next piece or the end.
    pub(crate) fn next(&self, tail: &mut Tail, piece: &[u8], is_last: bool) -> Vec<u8> {
        let mut text = std::mem::take(&mut tail.0);
        text.extend_from_slice(piece);
        let mut clean = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            match self.find(rest, is_last) {
                Found::Whole(length) => {
                    clean.extend_from_slice(MASK);
                    rest = rest.get(length..).unwrap_or_default();
                }
                Found::Beginning => {
                    tail.0 = rest.to_vec();
                    break;
                }
                Found::Nothing => {
                    clean.push(*first);
                    rest = behind;
                }
            }
        }
        clean
    }

    fn find(&self, text: &[u8], is_last: bool) -> Found {
        for needle in &self.needles {
            if text.starts_with(needle) {
                return Found::Whole(needle.len());
            }
            if !is_last && needle.starts_with(text) {
                return Found::Beginning;
            }
        }
        Found::Nothing
    }
}

fn spellings(secret: &str) -> [Vec<u8>; 3] {
    let in_form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let in_json = serde_json::Value::from(secret).to_string();
    let in_json = in_json.trim_matches('"').to_owned();
    [
        secret.as_bytes().to_vec(),
        in_form.into_bytes(),
        in_json.into_bytes(),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop};
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<Secret> = secrets
            .iter()
            .map(|text| Secret::new((*text).to_owned()))
            .collect();
        Redactor::new(secrets.iter())
    }

    fn in_pieces(redactor: &Redactor, pieces: &[&[u8]]) -> String {
        let mut tail = Tail::default();
        let mut clean: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| redactor.next(&mut tail, piece, false))
            .collect();
        clean.extend(redactor.next(&mut tail, b"", true));
        String::from_utf8(clean).unwrap()
    }

    #[test]
    fn a_secret_is_found_wherever_it_is_split() {
        let redactor = redactor(&["sk-secret-1"]);
        let text = b"a sk-secret-1 b sk-secret- c sk-sk-secret-1";
        for at in 0..text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(
                in_pieces(&redactor, &[left, right]),
                "a [secret] b sk-secret- c sk-[secret]",
                "{at}"
            );
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(
            in_pieces(&redactor, &bytes),
            "a [secret] b sk-secret- c sk-[secret]"
        );
    }

    #[test]
    fn of_two_the_longer_counts_and_a_beginning_at_the_end_comes_out() {
        let redactor = redactor(&["secret-1", "secret-1-long"]);
        assert_eq!(
            in_pieces(&redactor, &[b"secret-1", b"-long secret-1-lo"]),
            "[secret] [secret]-lo"
        );
        assert_eq!(in_pieces(&redactor, &[b"x secret-"]), "x secret-");
    }

    #[test]
    fn other_spellings_are_found_too() {
        let redactor = redactor(&["a/b+c d\"e"]);
        let text = redactor
            .whole(b"url a%2Fb%2Bc+d%22e json a/b+c d\\\"e")
            .unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "url [secret] json [secret]"
        );
        assert!(redactor.is_in_lower("x-a/b+c d\"e") && redactor.whole(b"nothing here").is_none());
    }

    proptest! {
        #[test]
        fn pieces_and_the_whole_come_to_the_same(text in "[abs]{0,40}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let redactor = redactor(&["abs", "sab", "aabsb"]);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).chain([0, text.len()]).collect();
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let whole = redactor.whole(text.as_bytes()).unwrap_or_else(|| text.clone().into_bytes());
            prop_assert_eq!(in_pieces(&redactor, &pieces), String::from_utf8(whole).unwrap());
        }
    }
}
