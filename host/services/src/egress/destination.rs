//! Parses the URL of a request into the one form that is authorised and connected to.

use std::net::IpAddr;

use hayrick_types::egress::host::Host;
use hayrick_types::egress::rule::{Destination, Scheme};
use url::{Host as UrlHost, Url};

use crate::egress::error::EgressError;

const URL_BYTES_MAX: usize = 8 << 10;

fn wrong<T>(text: impl Into<String>) -> Result<T, EgressError> {
    Err(EgressError::Address(text.into()))
}

/// Parses a URL of a guest. Spaces, control characters and backslashes are refused, because parsers
/// disagree about them.
pub(crate) fn parse(text: &str) -> Result<Url, EgressError> {
    if text.len() > URL_BYTES_MAX {
        return wrong(format!("it is longer than {URL_BYTES_MAX} bytes"));
    }
    if text
        .chars()
        .any(|char| char.is_whitespace() || char.is_control() || char == '\\')
    {
        return wrong("it has a space, a control character or a backslash: percent-encode it");
    }
    accept(Url::parse(text).or_else(|error| wrong(error.to_string()))?)
}

/// Resolves a reference relative to a URL.
pub(crate) fn join(from: &Url, reference: &str) -> Result<Url, EgressError> {
    if reference.len() > URL_BYTES_MAX {
        return wrong(format!("it is longer than {URL_BYTES_MAX} bytes"));
    }
    accept(
        from.join(reference)
            .or_else(|error| wrong(error.to_string()))?,
    )
}

/// Accepts an http or https URL whose host has one spelling.
fn accept(mut url: Url) -> Result<Url, EgressError> {
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("it does not begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("it has a user name: send an Authorization header");
    }
    if url
        .host_str()
        .is_none_or(|host| host.is_empty() || host.ends_with('.') || host.contains('%'))
    {
        return wrong("its host is empty, ends with a dot or has a '%'");
    }
    // A fragment is the client's own.
    url.set_fragment(None);
    Ok(url)
}

/// The destination of a request with this URL.
pub(crate) fn destination(url: &Url, method: &str) -> Result<Destination, EgressError> {
    let scheme = if url.scheme() == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let host = match url.host() {
        Some(UrlHost::Domain(name)) => Host::Name(name.to_owned()),
        Some(UrlHost::Ipv4(ip)) => Host::Ip(IpAddr::V4(ip)),
        Some(UrlHost::Ipv6(ip)) => Host::Ip(IpAddr::V6(ip)),
        None => return wrong("it has no host"),
    };
    let port = url.port().unwrap_or_else(|| scheme.port());
    Ok(Destination {
        scheme,
        host,
        port,
        method: method.to_owned(),
        path: url.path().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_spellings_of_an_address_are_that_address() {
        for (text, host) in [
            ("http://0x7f.1/", "127.0.0.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://017700000001/", "127.0.0.1"),
            ("http://127.1/", "127.0.0.1"),
            ("http://0/", "0.0.0.0"),
            ("http://0xa9fea9fe/", "169.254.169.254"),
            ("http://%31%32%37.0.0.1/", "127.0.0.1"),
            ("http://①②⑦.0.0.1/", "127.0.0.1"),
            ("http://127。0。0。1/", "127.0.0.1"),
            ("http://127.0.0.1./", "127.0.0.1"),
            ("http://[::ffff:127.0.0.1]/", "[::ffff:127.0.0.1]"),
            ("http://[::ffff:7f00:1]/", "[::ffff:127.0.0.1]"),
            ("http://[64:ff9b::7f00:1]/", "[64:ff9b::7f00:1]"),
            ("http://[0:0:0:0:0:0:0:1]/", "[::1]"),
            ("http://LOCALHOST/", "localhost"),
            ("HTTP://EXAMPLE.com:80/", "example.com"),
            ("http://ex%61mple.com/", "example.com"),
            ("http://example.com#@evil.org/", "example.com"),
            ("http://example.com?@evil.org/", "example.com"),
            ("http://@evil.org/", "evil.org"),
        ] {
            let url = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                destination(&url, "GET").unwrap().host.to_string(),
                host,
                "{text}"
            );
        }
    }

    #[test]
    fn what_readers_differ_about_is_no_address() {
        for text in [
            "",
            "example.com",
            "//example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "data:,x",
            "http://",
            "http:///",
            "http://good@evil/",
            "http://good:pass@evil/",
            "http://good%40evil/",
            "http://evil\\@good/",
            "http:\\\\example.com/",
            "http://exam ple.com/",
            " http://example.com/",
            "http://example.com/\r\nHost: evil",
            "http://example.com/a\tb",
            "http://exa\u{ad}mple\0.com/",
            "http://localhost./",
            "http://example.com./",
            "http://exa%00mple.com/",
            "http://exa%2fmple.com/",
            "http://[::1%25eth0]/",
            "http://1.2.3.4.5/",
            "http://256.256.256.256/",
            "http://example.com:99999/",
        ] {
            assert!(parse(text).is_err(), "{text:?}: {:?}", parse(text));
        }
        assert!(parse(&format!("http://example.com/{}", "x".repeat(URL_BYTES_MAX))).is_err());
    }

    #[test]
    fn dots_in_a_path_are_gone_before_it_is_authorised() {
        for text in [
            "http://example.com/v1/../admin",
            "http://example.com/v1/%2e%2e/admin",
            "http://example.com/v1/.%2E/admin",
        ] {
            assert_eq!(
                destination(&parse(text).unwrap(), "GET").unwrap().path,
                "/admin",
                "{text}"
            );
        }
    }
}
