//! Hosts in rules and in URLs.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::egress::error::{GrantError, wrong};

/// The longest name that DNS allows.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// The host of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// In lower case and ASCII, without a dot at the end.
    Name(String),
    Ip(IpAddr),
}

/// The hosts of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    Exactly(Host),
    /// `*.example.com`: every name below `example.com` at any depth, but not `example.com` itself.
    Below(String),
}

impl HostPattern {
    /// Parses a name, `*.` and a name, or an IP address.
    ///
    /// # Errors
    /// The message shows what to write. Each host has one accepted form: no trailing dot, and no
    /// number that only some software reads as an address.
    pub fn parse(text: &str) -> Result<HostPattern, GrantError> {
        let text = text.to_ascii_lowercase();
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(&text);
        if let Ok(ip) = bare.parse::<Ipv6Addr>() {
            return match ip.to_ipv4_mapped() {
                Some(ip) => wrong(format!(
                    "'{text}' is an IPv4 address written as IPv6: write {ip}"
                )),
                None => Ok(HostPattern::Exactly(Host::Ip(ip.into()))),
            };
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(HostPattern::Exactly(Host::Ip(ip.into())));
        }
        let Some(parent) = text.strip_prefix("*.") else {
            check_name(&text)?;
            return Ok(HostPattern::Exactly(Host::Name(text)));
        };
        check_name(parent)?;
        if !parent.contains('.') {
            return wrong(format!(
                "'{text}' is too broad: write at least two labels after the star, as in \
                 *.example.com"
            ));
        }
        Ok(HostPattern::Below(parent.to_owned()))
    }

    /// Whether it matches exactly one host.
    pub fn is_exact(&self) -> bool {
        matches!(self, HostPattern::Exactly(_))
    }

    /// Whether the host matches.
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (HostPattern::Exactly(own), host) => own == host,
            (HostPattern::Below(parent), Host::Name(name)) => name
                .strip_suffix(parent.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            (HostPattern::Below(_), Host::Ip(_)) => false,
        }
    }
}

fn check_name(name: &str) -> Result<(), GrantError> {
    if !name.is_ascii() {
        return wrong(format!(
            "'{name}' is not ASCII: write its encoded form, which begins with xn--"
        ));
    }
    if name.ends_with('.') {
        return wrong(format!("'{name}' ends with a dot: remove the dot"));
    }
    let is_inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let is_label = |label: &str| {
        let is_long = label.is_empty() || label.len() > LABEL_BYTES_MAX;
        !is_long && label.bytes().all(is_inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return wrong(format!(
            "invalid host '{name}': write a name such as api.example.com, *.example.com, or an IP \
             address"
        ));
    }
    // What browsers accept as an IPv4 address: 127.1, 0x7f.1, 2130706433.
    let is_number =
        |label: &str| label.bytes().all(|byte| byte.is_ascii_digit()) || label.starts_with("0x");
    if name.rsplit('.').next().is_some_and(is_number) {
        return wrong(format!(
            "'{name}' is an unusual form of an IP address: write four decimal numbers, as in \
             192.0.2.1"
        ));
    }
    Ok(())
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => out.write_str(name),
            Host::Ip(IpAddr::V4(ip)) => write!(out, "{ip}"),
            Host::Ip(IpAddr::V6(ip)) => write!(out, "[{ip}]"),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Exactly(host) => write!(out, "{host}"),
            HostPattern::Below(parent) => write!(out, "*.{parent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_one_accepted_form() {
        for (text, shown) in [
            ("API.Example.com", "api.example.com"),
            ("*.example.com", "*.example.com"),
            ("localhost", "localhost"),
            ("my_service", "my_service"),
            ("xn--grn-hoa.example", "xn--grn-hoa.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("::1", "[::1]"),
        ] {
            assert_eq!(HostPattern::parse(text).unwrap().to_string(), shown);
        }
        for (text, cure) in [
            ("", "invalid host"),
            ("example.com.", "ends with a dot"),
            ("grün.example", "xn--"),
            ("127.1", "unusual form"),
            ("0x7f.1", "unusual form"),
            ("0x7f000001", "unusual form"),
            ("2130706433", "unusual form"),
            ("017700000001", "unusual form"),
            ("127.0.0.01", "unusual form"),
            ("[::ffff:127.0.0.1]", "write 127.0.0.1"),
            ("*", "invalid host"),
            ("*.com", "too broad"),
            ("a.*.example.com", "invalid host"),
            ("user@example.com", "invalid host"),
            ("example.com:443", "invalid host"),
            ("example.com/v1", "invalid host"),
            ("exa mple.com", "invalid host"),
            ("exa%6dple.com", "invalid host"),
            ("a..example.com", "invalid host"),
            ("-a.example.com", "invalid host"),
        ] {
            let error = HostPattern::parse(text).expect_err(text).to_string();
            assert!(error.contains(cure), "{text}: {error}");
        }
    }

    #[test]
    fn a_wildcard_matches_only_subdomains() {
        let below = HostPattern::parse("*.example.com").unwrap();
        let named = |name: &str| below.matches(&Host::Name(name.to_owned()));
        assert!(named("a.example.com") && named("a.b.example.com"));
        assert!(
            !named("example.com")
                && !named("evilexample.com")
                && !named(".example.com")
                && !named("example.com.evil.org")
        );
        assert!(!below.matches(&Host::Ip(Ipv4Addr::LOCALHOST.into())));
    }
}
