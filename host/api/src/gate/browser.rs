//! Keeps web pages out of a server that needs no key.
//!
//! A browser lets any page send requests to this machine. Two headers that a page cannot set show
//! it: `Origin` names the page, and `Host` is the name of the page if that name was made to point
//! here (DNS rebinding).

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::ApiConfig;
use crate::error::ApiError;

/// Refuses a request without a key that a web page of another origin may have sent.
///
/// # Errors
/// 403, with the cure.
pub(crate) fn check(headers: &HeaderMap, config: &ApiConfig) -> Result<(), ApiError> {
    let host = authority(headers, &HOST);
    if config.access.is_loopback
        && headers.contains_key(HOST)
        && !host
            .as_ref()
            .is_some_and(|host| is_this_machine(host, config))
    {
        return Err(ApiError::cross_origin(
            "the header Host does not name this machine, and this server is open to this machine \
             only: call it as localhost or 127.0.0.1, \
             send an API key, or have the operator add the name to [server] allowed_hosts",
            "host_not_allowed",
        ));
    }
    for origin in headers.get_all(ORIGIN) {
        let is_same = host.as_ref().is_some_and(|host| {
            origin_authority(origin).is_some_and(|origin| origin == host.as_str())
        });
        let is_allowed = origin.to_str().is_ok_and(|origin| {
            config
                .server
                .cors_origins
                .iter()
                .any(|allowed| allowed == origin)
        });
        if !is_same && !is_allowed {
            return Err(ApiError::cross_origin(
                "a web page of another origin may not use this server without an API key: send \
                 one, or have the operator add the origin of the page \
                 to [server] cors_origins",
                "origin_not_allowed",
            ));
        }
    }
    Ok(())
}

/// The value of the header; `None` unless it occurs once and is an authority.
fn authority(headers: &HeaderMap, name: &HeaderName) -> Option<Authority> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()?.to_ascii_lowercase().parse().ok()
}

fn origin_authority(origin: &HeaderValue) -> Option<&str> {
    Some(origin.to_str().ok()?.split_once("://")?.1)
}

fn is_this_machine(host: &Authority, config: &ApiConfig) -> bool {
    // A user name before an '@' is not part of the host.
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
            .server
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(pairs: &[(&'static str, &'static str)]) -> Option<String> {
        let mut config = ApiConfig::default();
        config.server.cors_origins = vec!["https://chat.example".to_owned()];
        config.server.allowed_hosts = vec!["hay.example".to_owned()];
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let body = serde_json::to_value(check(&headers, &config).err()?.body()).unwrap();
        Some(body["error"]["code"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_host_that_is_not_this_machine_is_refused() {
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
        assert_eq!(code(&[]), None, "no browser omits it");
    }

    #[test]
    fn an_origin_that_is_not_the_server_and_not_allowed_is_refused() {
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
