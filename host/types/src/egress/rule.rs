//! A rule that allows a plugin some requests, and whether a request matches it.

use std::fmt;

use crate::egress::error::{GrantError, wrong};
use crate::egress::host::{Host, HostPattern};

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// The method and URL of a request, each part in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub scheme: Scheme,
    pub host: Host,
    pub port: u16,
    /// In upper case.
    pub method: String,
    /// Starts with `/`; percent-encoded, without the query.
    pub path: String,
}

/// Allows a plugin some requests to some hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressRule {
    pub scheme: Scheme,
    pub host: HostPattern,
    pub port: u16,
    /// In upper case; empty means every method except CONNECT and TRACE, which are never allowed.
    pub methods: Vec<String>,
    /// The path prefix, in whole segments; `/` matches every path.
    pub path_prefix: String,
    /// Whether the host may have a private or loopback address. Link-local and cloud metadata
    /// addresses are always denied.
    pub private: bool,
}

impl Scheme {
    /// Parses `http` or `https`.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Scheme, GrantError> {
        match text {
            "http" => Ok(Scheme::Http),
            "https" => Ok(Scheme::Https),
            other => wrong(format!(
                "invalid scheme '{other}': write \"http\" or \"https\""
            )),
        }
    }

    /// The default port.
    pub fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    /// The scheme as written in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// Parses a method.
///
/// # Errors
/// It is not a method, or one that is never allowed.
pub fn parse_method(text: &str) -> Result<String, GrantError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return wrong(format!(
            "invalid method '{text}': write something like \"GET\", in capitals"
        ));
    }
    if is_never_granted(text) {
        return wrong(format!(
            "{text} cannot be granted: it would open a tunnel or reveal headers that the host adds"
        ));
    }
    Ok(text.to_owned())
}

/// Parses a path prefix.
///
/// # Errors
/// It is not in canonical form, or has parts that are not allowed in a path.
pub fn parse_path(text: &str) -> Result<String, GrantError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~!$&'()*+,=:@".contains(&byte);
    if !text.starts_with('/')
        || !text.bytes().all(is_plain)
        || text.contains("//")
        || has_dots(text)
    {
        return wrong(format!(
            "invalid path '{text}': write something like \"/v1\", without a query, '%', '..' or \
             '//'"
        ));
    }
    Ok(text.to_owned())
}

impl EgressRule {
    /// Checks the parts of the rule together.
    ///
    /// # Errors
    /// A rule for private addresses must name exactly one host.
    pub fn check(self) -> Result<EgressRule, GrantError> {
        if self.private && !self.host.is_exact() {
            return wrong(format!(
                "{} matches many hosts: name the host that may have a private address",
                self.host
            ));
        }
        if self.port == 0 {
            return wrong("invalid port 0: write something like 443");
        }
        Ok(self)
    }

    /// Parses a URL such as `https://api.example.com:443/v1` into a rule for every method and
    /// without private addresses.
    ///
    /// # Errors
    /// The message names the invalid part.
    pub fn parse(text: &str) -> Result<EgressRule, GrantError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong(format!(
                "invalid address '{text}': write something like \"https://api.example.com/v1\""
            ));
        };
        let scheme = Scheme::parse(scheme)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an IPv6 address are inside brackets.
            Some((host, port)) if !port.contains(']') => (host, parse_port(port)?),
            _ => (authority, scheme.port()),
        };
        let (host, path_prefix) = (HostPattern::parse(host)?, parse_path(path)?);
        EgressRule {
            scheme,
            host,
            port,
            methods: Vec::new(),
            path_prefix,
            private: false,
        }
        .check()
    }

    /// Whether the scheme, host and port are the same.
    pub fn is_beside(&self, other: &EgressRule) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// Whether the request matches this rule.
    pub fn matches(&self, asked: &Destination) -> bool {
        let is_method = !is_never_granted(&asked.method)
            && (self.methods.is_empty() || self.methods.contains(&asked.method));
        let is_place = self.scheme == asked.scheme
            && self.port == asked.port
            && self.host.matches(&asked.host);
        is_method && is_place && self.covers(&asked.path)
    }

    fn covers(&self, path: &str) -> bool {
        if self.path_prefix == "/" {
            return true;
        }
        let Some(rest) = path.strip_prefix(&self.path_prefix) else {
            return false;
        };
        let is_whole = rest.is_empty() || rest.starts_with('/') || self.path_prefix.ends_with('/');
        is_whole && !is_ambiguous(path)
    }
}

fn parse_port(text: &str) -> Result<u16, GrantError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| is_number)
        .ok_or_else(|| GrantError(format!("invalid port '{text}': write a number up to 65535")))
}

fn is_never_granted(method: &str) -> bool {
    matches!(method, "CONNECT" | "TRACE" | "TRACK")
}

/// Whether some servers could read the path as another one: it has an encoded separator, dot or
/// percent sign, an empty segment, or dots before a `;`.
fn is_ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["%2f", "%5c", "%2e", "%25", "%00", "//", "\\"]
        .iter()
        .any(|odd| lower.contains(odd))
        || has_dots(path)
}

fn has_dots(path: &str) -> bool {
    path.split('/')
        .any(|segment| segment == "." || segment.starts_with(".."))
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {}://{}:{}{}",
            self.method,
            self.scheme.as_str(),
            self.host,
            self.port,
            self.path
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, host: &str, path: &str) -> Destination {
        let HostPattern::Exactly(host) = HostPattern::parse(host).unwrap() else {
            panic!("no host")
        };
        Destination {
            scheme: Scheme::Https,
            host,
            port: 443,
            method: method.to_owned(),
            path: path.to_owned(),
        }
    }

    #[test]
    fn a_rule_is_parsed_from_a_url() {
        let rule = EgressRule::parse("https://api.example.com/v1").unwrap();
        assert_eq!(
            (
                rule.scheme,
                rule.port,
                rule.path_prefix.as_str(),
                rule.private
            ),
            (Scheme::Https, 443, "/v1", false)
        );
        assert_eq!(EgressRule::parse("http://[::1]:8080").unwrap().port, 8080);
        assert_eq!(EgressRule::parse("http://[::1]").unwrap().port, 80);
        for text in [
            "api.example.com",
            "ftp://example.com",
            "HTTPS://example.com",
            "https://",
            "https://user@example.com",
            "https://user:pass@example.com",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:+443",
            "https://example.com:65536",
            "https://example.com/a?b",
            "https://example.com/../b",
            "https://example.com/a//b",
            "https://example.com/%61",
            "https://example.com\\a",
        ] {
            assert!(EgressRule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_part_must_match() {
        let mut rule = EgressRule::parse("https://api.example.com/v1").unwrap();
        assert!(
            rule.matches(&asked("GET", "api.example.com", "/v1"))
                && rule.matches(&asked("PUT", "api.example.com", "/v1/a"))
        );
        assert!(!rule.matches(&asked("GET", "example.com", "/v1")));
        assert!(!rule.matches(&Destination {
            port: 8443,
            ..asked("GET", "api.example.com", "/v1")
        }));
        assert!(!rule.matches(&Destination {
            scheme: Scheme::Http,
            ..asked("GET", "api.example.com", "/v1")
        }));
        for method in ["CONNECT", "TRACE"] {
            assert!(
                !rule.matches(&asked(method, "api.example.com", "/v1")),
                "{method}"
            );
        }
        rule.methods = vec!["GET".to_owned()];
        assert!(!rule.matches(&asked("POST", "api.example.com", "/v1")));
    }

    #[test]
    fn ambiguous_paths_never_match_a_prefix() {
        let rule = EgressRule::parse("https://api.example.com/v1").unwrap();
        for path in [
            "/v1x",
            "/",
            "/v1/..%2fadmin",
            "/v1/%2e%2e/admin",
            "/v1/..;/admin",
            "/v1/%252e%252e/a",
            "/v1//a",
            "/v1/%5c..",
            "/v2",
        ] {
            assert!(
                !rule.matches(&asked("GET", "api.example.com", path)),
                "{path}"
            );
        }
        assert!(
            EgressRule::parse("https://api.example.com")
                .unwrap()
                .matches(&asked("GET", "api.example.com", "/a%2fb"))
        );
    }

    #[test]
    fn rules_that_cannot_be_granted_are_refused() {
        assert!(
            parse_method("get").is_err()
                && parse_method("CONNECT").is_err()
                && parse_method("GET").is_ok()
        );
        let wide = EgressRule {
            private: true,
            ..EgressRule::parse("https://*.example.com").unwrap()
        };
        assert!(wide.check().unwrap_err().to_string().contains("many hosts"));
    }
}
