//! Headers on their way out and in. What frames a message is the host's alone, in both directions.

use hayrick_types::egress::secret::{is_framing, is_reserved};
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::egress::EgressSettings;
use reqwest::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

use crate::egress::error::EgressError;
use crate::egress::redact::Redactor;

fn wrong<T>(text: String) -> Result<T, EgressError> {
    Err(EgressError::Headers(text))
}

/// Reads what a guest wants to send.
///
/// # Errors
/// Too many, too long, letters no header has, or a name that is the host's.
pub(crate) fn outgoing(
    pairs: &[(String, Vec<u8>)],
    config: &EgressSettings,
) -> Result<HeaderMap, EgressError> {
    let bytes: usize = pairs
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    check(
        pairs.len(),
        bytes,
        config,
        "the request's headers are too large",
    )?;
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return wrong(format!("'{}' is no header's name", name.escape_default()));
        };
        if is_reserved(parsed.as_str()) {
            return wrong(format!("'{parsed}' is the host's to write: leave it out"));
        }
        let Ok(value) = HeaderValue::from_bytes(value) else {
            return wrong(format!("the value of '{parsed}' has letters no header has"));
        };
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// What a guest sees of a response's headers.
///
/// # Errors
/// There are too many of them, or they are too long.
pub(crate) fn incoming(
    mut headers: HeaderMap,
    config: &EgressSettings,
    redactor: &Redactor,
) -> Result<HeaderMap, EgressError> {
    let bytes = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    check(
        headers.len(),
        bytes,
        config,
        "the answer's headers are too large",
    )?;
    for name in of_connection(&headers) {
        headers.remove(name);
    }
    if redactor.is_empty() {
        return Ok(headers);
    }
    // The body may become shorter or longer.
    headers.remove(CONTENT_LENGTH);
    let mut clean = HeaderMap::with_capacity(headers.len());
    for (name, value) in &headers {
        if redactor.is_in_lower(name.as_str()) {
            continue;
        }
        let value = match redactor.whole(value.as_bytes()) {
            Some(bytes) => HeaderValue::from_bytes(&bytes)
                .unwrap_or_else(|_| HeaderValue::from_static("[secret]")),
            None => value.clone(),
        };
        clean.append(name, value);
    }
    Ok(clean)
}

/// Names that belong to the connection, those that `Connection` lists among them.
fn of_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let listed = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let listed = listed.filter_map(|name| name.trim().parse().ok());
    let framing = headers
        .keys()
        .filter(|name| is_framing(name.as_str()) && **name != CONTENT_LENGTH)
        .cloned();
    listed.chain(framing).collect()
}

fn check(
    count: usize,
    bytes: usize,
    config: &EgressSettings,
    what: &'static str,
) -> Result<(), EgressError> {
    if count > config.headers_max {
        return Err(EgressError::TooLarge {
            what,
            limit: LimitName::EgressHeadersMax,
            max: config.headers_max as u64,
        });
    }
    if bytes > config.header_bytes_max {
        return Err(EgressError::TooLarge {
            what,
            limit: LimitName::EgressHeaderBytesMax,
            max: config.header_bytes_max as u64,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(name: &str, value: &str) -> Result<HeaderMap, EgressError> {
        outgoing(
            &[(name.to_owned(), value.as_bytes().to_vec())],
            &EgressSettings::default(),
        )
    }

    #[test]
    fn nothing_a_guest_writes_frames_the_message() {
        for name in [
            "Host",
            "Content-Length",
            "content-length",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "Upgrade",
            "TE",
            "Trailer",
            "Expect",
            "Proxy-Authorization",
            "Proxy-Connection",
            "HTTP2-Settings",
            "X-HTTP-Method-Override",
        ] {
            assert!(
                matches!(sent(name, "1"), Err(EgressError::Headers(_))),
                "{name}"
            );
        }
        for (name, value) in [
            ("a\r\nHost", "x"),
            ("a b", "x"),
            ("a:", "x"),
            (":path", "x"),
            ("", "x"),
            ("a", "x\r\nHost: evil"),
            ("a", "\n"),
            ("a", "\0"),
        ] {
            assert!(
                matches!(sent(name, value), Err(EgressError::Headers(_))),
                "{name:?} {value:?}"
            );
        }
        assert_eq!(sent("X-Word", "grün").unwrap().len(), 1);
    }

    #[test]
    fn how_many_and_how_long_is_bounded() {
        let config = EgressSettings {
            headers_max: 2,
            header_bytes_max: 10,
            ..EgressSettings::default()
        };
        let pair = |value: &str| ("a".to_owned(), value.as_bytes().to_vec());
        assert!(outgoing(&[pair("1"), pair("2")], &config).is_ok());
        let many = outgoing(&[pair("1"), pair("2"), pair("3")], &config).unwrap_err();
        let long = outgoing(&[pair("1234567890")], &config).unwrap_err();
        assert!(
            many.to_string().contains("headers_max is 2")
                && long.to_string().contains("header_bytes_max is 10"),
            "{many} {long}"
        );
    }

    #[test]
    fn a_response_keeps_its_connection_to_itself_and_its_secrets() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-hop, close"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("x-key", "key sk-secret-1!"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers.append("x-sk-secret-1", HeaderValue::from_static("1"));
        let redactor = Redactor::new(
            [
                crate::secret::Secret::new("sk-Secret-1".to_owned()),
                crate::secret::Secret::new("sk-secret-1".to_owned()),
            ]
            .iter(),
        );
        let clean = incoming(headers, &EgressSettings::default(), &redactor).unwrap();
        assert_eq!(
            clean
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect::<Vec<_>>(),
            [("x-key", "key [secret]!")]
        );
    }
}
