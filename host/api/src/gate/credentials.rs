//! The credentials in a request.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};

/// The header that may have the key in place of `Authorization`.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What the headers contain.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    Missing,
    Key(String),
    /// Two different keys, or something that is not a key: they prove nothing.
    Invalid,
}

/// Takes the credentials out of the headers, so that nothing behind the gate can leak them.
pub(crate) fn take(headers: &mut HeaderMap) -> Credentials {
    let mut found = Credentials::Missing;
    for value in headers.get_all(AUTHORIZATION) {
        let text = value.to_str().ok().map(str::trim);
        let (scheme, key) = text
            .map(|text| text.split_once(' ').unwrap_or((text, "")))
            .unzip();
        let is_bearer = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
        found = match key.map(str::trim) {
            // A variable without a value, as in `Bearer $KEY`: no key was sent.
            Some("") if is_bearer || text == Some("") => found,
            key => found.and(key.filter(|_| is_bearer)),
        };
    }
    for value in headers.get_all(API_KEY) {
        found = match value.to_str().ok().map(str::trim) {
            Some("") => found,
            key => found.and(key),
        };
    }
    headers.remove(AUTHORIZATION);
    headers.remove(API_KEY);
    found
}

impl Credentials {
    fn and(self, key: Option<&str>) -> Credentials {
        match (self, key) {
            (Credentials::Missing, Some(key)) if !key.is_empty() => {
                Credentials::Key(key.to_owned())
            }
            (Credentials::Key(first), Some(key)) if first == key => Credentials::Key(first),
            _ => Credentials::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn credentials(pairs: &[(&'static str, &'static str)]) -> Credentials {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let found = take(&mut headers);
        assert!(headers.is_empty(), "{headers:?}");
        found
    }

    #[test]
    fn the_key_is_in_either_header_or_the_same_in_both() {
        let key = || Credentials::Key("k".to_owned());
        assert_eq!(credentials(&[]), Credentials::Missing);
        for pairs in [
            &[("authorization", "Bearer k")][..],
            &[("authorization", "bearer  k ")],
            &[("x-api-key", "k")],
        ] {
            assert_eq!(credentials(pairs), key(), "{pairs:?}");
        }
        assert_eq!(
            credentials(&[("authorization", "Bearer k"), ("x-api-key", "k")]),
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
        ] {
            assert_eq!(credentials(pairs), Credentials::Invalid, "{pairs:?}");
        }
        for pairs in [
            &[("authorization", "Bearer")][..],
            &[("authorization", "bearer  ")],
            &[("authorization", "")],
            &[("x-api-key", "")],
            &[("x-api-key", " "), ("authorization", "Bearer ")],
        ] {
            assert_eq!(credentials(pairs), Credentials::Missing, "{pairs:?}");
        }
        let beside = [("authorization", "Bearer "), ("x-api-key", "k")];
        assert_eq!(credentials(&beside), key());
    }
}
