//! A key as it is stored: with the digest of its secret.

use serde::{Deserialize, Serialize};

/// Characters of a key's name.
pub const NAME_CHARS_MAX: usize = 128;

/// What a key may do. `Admin` may do everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Run pipelines, and read what is known of them.
    Invoke,
    /// Deploy and remove pipelines.
    Deploy,
    /// Everything.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 3] = [Scope::Invoke, Scope::Deploy, Scope::Admin];

    /// Its name, on the command line and in errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Invoke => "invoke",
            Scope::Deploy => "deploy",
            Scope::Admin => "admin",
        }
    }

    /// Parses the name of a scope.
    pub fn parse(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A number of requests in a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// At least 1.
    pub requests: u32,
    /// At least 1.
    pub seconds: u32,
}

impl Rate {
    /// Reads `60/min`, `5/s` or `1000/h`.
    ///
    /// # Errors
    /// A message that shows how to write a rate.
    pub fn parse(text: &str) -> Result<Rate, String> {
        let parsed = text.split_once('/').and_then(|(count, unit)| {
            let seconds = match unit {
                "s" => 1,
                "min" => 60,
                "h" => 3600,
                _ => return None,
            };
            Some(Rate {
                requests: count.parse().ok().filter(|count| *count > 0)?,
                seconds,
            })
        });
        parsed.ok_or_else(|| {
            format!("invalid rate '{text}': write for example \"60/min\", \"5/s\" or \"1000/h\"")
        })
    }
}

/// The properties of a new key.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub name: String,
    pub scopes: Vec<Scope>,
    /// The only pipelines it may use; `None` means all.
    pub pipelines: Option<Vec<String>>,
    pub rate: Option<Rate>,
    /// Requests at once before the rate applies; by default the count of the rate.
    pub burst: Option<u32>,
    /// Answers at a time.
    pub concurrency_max: Option<u32>,
    /// Unix time, seconds.
    pub expires_at: Option<u64>,
}

/// A key. Its limits never change once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Identifies it, in lists and in the log; not secret.
    pub id: String,
    pub name: String,
    /// SHA-256 of the secret, in hex.
    pub digest: String,
    pub scopes: Vec<Scope>,
    pub pipelines: Option<Vec<String>>,
    pub rate: Option<Rate>,
    pub burst: Option<u32>,
    pub concurrency_max: Option<u32>,
    /// Unix time in seconds, like the other times.
    pub expires_at: Option<u64>,
    pub created_at: u64,
    pub revoked_at: Option<u64>,
}

impl Key {
    /// Whether it is valid at this Unix time in seconds.
    pub fn is_usable(&self, now: u64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it may do what `scope` stands for.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes
            .iter()
            .any(|granted| *granted == scope || *granted == Scope::Admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_or_refused() {
        assert_eq!(
            Rate::parse("60/min"),
            Ok(Rate {
                requests: 60,
                seconds: 60
            })
        );
        assert_eq!(
            Rate::parse("5/s"),
            Ok(Rate {
                requests: 5,
                seconds: 1
            })
        );
        for text in ["", "60", "0/min", "-1/s", "60/day", "/s", "1/min/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }
}
