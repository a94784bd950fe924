//! Keeps web pages out of a server that asks for no key.
//!
//! A browser lets any page send requests to this machine. Two headers that a page cannot choose
//! tell such a request: `Origin` names the page, and `Host` is the page's own when its name was
//! made to point here (DNS rebinding).

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::ApiConfig;
use crate::error::ApiError;

/// Refuses a request without a key that may be a foreign page's.
///
/// # Errors
/// 403, with the cure.
pub(crate) fn check(headers: &HeaderMap, config: &ApiConfig) -> Result<(), ApiError> {
    let host = authority(headers, &HOST);
    if config.access.is_loopback
        && headers.contains_key(HOST)
        && !host.as_ref().is_some_and(|host| is_own(host, config))
    {
        return Err(ApiError::foreign(
            "this server is open to this machine only, and is not known by the name in the header Host: call it as localhost or 127.0.0.1, \
             show an API key, or have the operator add the name to [server] allowed_hosts",
            "host_not_allowed",
        ));
    }
    for origin in headers.get_all(ORIGIN) {
        let is_same = host.as_ref().is_some_and(|host| {
            origin_authority(origin).is_some_and(|origin| origin == host.as_str())
        });
        let is_allowed = origin
            .to_str()
            .is_ok_and(|origin| config.cors_origins.iter().any(|allowed| allowed == origin));
        if !is_same && !is_allowed {
            return Err(ApiError::foreign(
                "a web page of another origin may not use a server that asks for no key: show an API key, or have the operator add the page's \
                 origin to [server] cors_origins",
                "origin_not_allowed",
            ));
        }
    }
    Ok(())
}

/// None if there is not exactly one that can be read.
fn authority(headers: &HeaderMap, name: &HeaderName) -> Option<Authority> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()?.to_ascii_lowercase().parse().ok()
}

fn origin_authority(origin: &HeaderValue) -> Option<&str> {
    Some(origin.to_str().ok()?.split_once("://")?.1)
}

fn is_own(host: &Authority, config: &ApiConfig) -> bool {
    // Somebody's name before an '@' is no part of a host.
    let bare = Some(host.host())
        .filter(|_| !host.as_str().contains('@'))
        .map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    let Some(bare) = bare else { return false };
    let is_loopback = bare
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.to_canonical().is_loopback());
    bare == "localhost"
        || is_loopback
        || config
            .access
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(pairs: &[(&'static str, &'static str)]) -> Option<String> {
        let mut config = ApiConfig {
            cors_origins: vec!["https://chat.example".to_owned()],
            ..ApiConfig::default()
        };
        config.access.allowed_hosts = vec!["hay.example".to_owned()];
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let body = serde_json::to_value(check(&headers, &config).err()?.body()).unwrap();
        Some(body["error"]["code"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_host_header_of_another_machine_is_refused() {
        for host in [
            "localhost",
            "LOCALHOST:1416",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "hay.example:80",
        ] {
            assert_eq!(code(&[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil",
            "192.0.2.1:1416",
            "localhost@evil.example",
            "a b",
            "",
        ] {
            assert_eq!(
                code(&[("host", host)]).as_deref(),
                Some("host_not_allowed"),
                "{host}"
            );
        }
        assert_eq!(
            code(&[("host", "localhost"), ("host", "localhost")]).as_deref(),
            Some("host_not_allowed")
        );
        assert_eq!(code(&[]), None, "no browser leaves it out");
    }

    #[test]
    fn an_origin_that_is_neither_own_nor_allowed_is_refused() {
        let of = |origin| code(&[("host", "localhost:1416"), ("origin", origin)]);
        assert_eq!(
            [of("http://localhost:1416"), of("https://chat.example")],
            [None, None]
        );
        for origin in [
            "http://localhost:3000",
            "https://chat.example.evil",
            "http://chat.example",
            "null",
            "https://evil.example",
            "",
        ] {
            assert_eq!(
                of(origin).as_deref(),
                Some("origin_not_allowed"),
                "{origin}"
            );
        }
    }
}
