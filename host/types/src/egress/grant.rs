//! The network grant of a plugin.

use crate::egress::error::{GrantError, wrong};
use crate::egress::rule::{Destination, EgressRule, Scheme};
use crate::egress::secret::SecretGrant;

/// The grant of a plugin. By default it allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressGrant {
    pub rules: Vec<EgressRule>,
    pub secrets: Vec<SecretGrant>,
}

impl EgressGrant {
    /// Checks a secret against the rules.
    ///
    /// # Errors
    /// No rule grants the destination of the secret, or the secret would be sent unencrypted over a
    /// network.
    pub fn check_secret(&self, secret: &SecretGrant) -> Result<(), GrantError> {
        let Some(rule) = self.rules.iter().find(|rule| rule.is_beside(&secret.to)) else {
            return wrong(
                "no [[egress]] has this scheme, host and port: add one, or the secret is never \
                 sent",
            );
        };
        if secret.to.scheme == Scheme::Http && !rule.private {
            return wrong(
                "a secret may only be sent over https or to a private address: write https://",
            );
        }
        Ok(())
    }

    /// Whether anything is granted at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules that allow a request. If there are none, it is denied.
    pub fn rules_for(&self, asked: &Destination) -> impl Iterator<Item = &EgressRule> {
        self.rules.iter().filter(|rule| rule.matches(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(to: &str) -> SecretGrant {
        let to = EgressRule::parse(to).unwrap();
        SecretGrant {
            name: "a".to_owned(),
            variable: "A".to_owned(),
            header: "x".to_owned(),
            template: "{}".to_owned(),
            to,
        }
    }

    #[test]
    fn secrets_need_a_rule_and_are_not_sent_unencrypted() {
        let rules = [
            "https://api.example.com",
            "http://api.example.com",
            "http://10.0.0.1:8000",
        ]
        .map(|text| EgressRule::parse(text).unwrap());
        let mut grant = EgressGrant {
            rules: rules.to_vec(),
            secrets: Vec::new(),
        };
        grant.rules[2].private = true;
        for (to, is_right) in [
            ("https://api.example.com/v1", true),
            ("https://other.example.com", false),
            ("https://api.example.com:8443", false),
            ("http://api.example.com", false),
            ("http://10.0.0.1:8000", true),
        ] {
            assert_eq!(grant.check_secret(&secret(to)).is_ok(), is_right, "{to}");
        }
    }
}
