//! What a request shows to prove who it is.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};

/// The other header that may have the key.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What was shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Key(String),
    /// Two that differ, or something that is no key: it proves nothing.
    Wrong,
}

/// Takes it out of the headers, so that nothing behind can let it slip.
pub(crate) fn take(headers: &mut HeaderMap) -> Shown {
    let mut shown = Shown::Nothing;
    for value in headers.get_all(AUTHORIZATION) {
        let key = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        shown = shown.and(key.map(|(_, key)| key.trim()));
    }
    for value in headers.get_all(API_KEY) {
        shown = shown.and(value.to_str().ok().map(str::trim));
    }
    headers.remove(AUTHORIZATION);
    headers.remove(API_KEY);
    shown
}

impl Shown {
    fn and(self, key: Option<&str>) -> Shown {
        match (self, key) {
            (Shown::Nothing, Some(key)) if !key.is_empty() => Shown::Key(key.to_owned()),
            (Shown::Key(first), Some(key)) if first == key => Shown::Key(first),
            _ => Shown::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn shown(pairs: &[(&'static str, &'static str)]) -> Shown {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let shown = take(&mut headers);
        assert!(headers.is_empty(), "{headers:?}");
        shown
    }

    #[test]
    fn one_key_in_either_header_or_the_same_in_both() {
        let key = || Shown::Key("k".to_owned());
        assert_eq!(shown(&[]), Shown::Nothing);
        for pairs in [
            &[("authorization", "Bearer k")][..],
            &[("authorization", "bearer  k ")],
            &[("x-api-key", "k")],
        ] {
            assert_eq!(shown(pairs), key(), "{pairs:?}");
        }
        assert_eq!(
            shown(&[("authorization", "Bearer k"), ("x-api-key", "k")]),
            key()
        );
        for pairs in [
            &[("authorization", "Bearer k"), ("x-api-key", "other")][..],
            &[
                ("authorization", "Bearer k"),
                ("authorization", "Bearer other"),
            ],
            &[("authorization", "Basic k")],
            &[("authorization", "Basic k"), ("x-api-key", "k")],
            &[("authorization", "Bearer")],
            &[("x-api-key", "")],
        ] {
            assert_eq!(shown(pairs), Shown::Wrong, "{pairs:?}");
        }
    }
}
