//! A secret that the host adds to requests of a plugin; the plugin never sees it.

use crate::egress::error::{GrantError, wrong};
use crate::egress::rule::EgressRule;

/// The placeholder for the secret in a template.
const PLACE: &str = "{}";

/// Adds a header with a secret to the requests of one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretGrant {
    /// The operator's name for it.
    pub name: String,
    /// The environment variable of the host that holds it.
    pub variable: String,
    /// In lower case.
    pub header: String,
    /// The value of the header, with `{}` for the secret.
    pub template: String,
    /// The requests that get the secret.
    pub to: EgressRule,
}

/// Parses a header name.
///
/// # Errors
/// It is not a valid header name, or a header that only the host may set.
pub fn parse_header(text: &str) -> Result<String, GrantError> {
    let name = text.to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return wrong(format!("invalid header name '{text}'"));
    }
    if is_reserved(&name) {
        return wrong(format!(
            "'{text}' is a header that the host sets itself: name another one"
        ));
    }
    Ok(name)
}

/// Some servers take the method from one of these headers, but a rule checks the method that is
/// sent.
const METHOD_OVERRIDES: [&str; 3] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Whether a header, in lower case, frames the message, belongs to the connection or overrides the
/// method. Only the host may set those.
pub fn is_reserved(name: &str) -> bool {
    is_framing(name) || METHOD_OVERRIDES.contains(&name)
}

/// Whether a header, in lower case, frames the message or belongs to the connection.
pub fn is_framing(name: &str) -> bool {
    let listed = matches!(
        name,
        "host"
            | "content-length"
            | "transfer-encoding"
            | "connection"
            | "keep-alive"
            | "upgrade"
            | "te"
            | "trailer"
            | "expect"
    );
    listed || name == "http2-settings" || name.starts_with("proxy-")
}

/// Parses the template of a header value, with `{}` for the secret.
///
/// # Errors
/// It has no `{}` or more than one, or characters that are not allowed in a header.
pub fn parse_template(text: &str) -> Result<String, GrantError> {
    if text.matches(PLACE).count() != 1 {
        return wrong(format!(
            "'{text}' must contain one {{}}, which stands for the secret: write something like \
             \"Bearer {{}}\""
        ));
    }
    if !text
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    {
        return wrong(format!(
            "'{}' has characters that are not allowed in a header",
            text.escape_default()
        ));
    }
    Ok(text.to_owned())
}

impl SecretGrant {
    /// The value of the header.
    pub fn value(&self, secret: &str) -> String {
        self.template.replacen(PLACE, secret, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_templates_are_checked() {
        assert_eq!(parse_header("Authorization").unwrap(), "authorization");
        for name in [
            "",
            "a b",
            "a:",
            "Host",
            "content-length",
            "Transfer-Encoding",
            "Proxy-Authorization",
            "x\r\ny",
        ] {
            assert!(parse_header(name).is_err(), "{name}");
        }
        assert!(parse_template("Bearer {}").is_ok() && parse_template("{}").is_ok());
        for template in ["Bearer", "{}{}", "Bearer {}\r\n", "é{}"] {
            assert!(parse_template(template).is_err(), "{template}");
        }
    }
}
