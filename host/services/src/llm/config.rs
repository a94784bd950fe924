//! The configured upstreams and their limits.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::secret::Secret;

/// All upstreams.
#[derive(Debug, Clone, Default)]
pub struct LlmConfig {
    pub upstreams: Vec<UpstreamConfig>,
    /// The alias for requests that name none; `None` means the first upstream, or the built-in model
    /// without upstreams.
    pub default: Option<String>,
}

/// One OpenAI-compatible endpoint with one model.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    /// What plugins call it.
    pub alias: String,
    /// `/chat/completions` is appended to it, for example `http://127.0.0.1:8000/v1`. A query
    /// stays.
    pub base_url: String,
    /// The model's name at this upstream.
    pub model: String,
    /// Sent as a bearer token.
    pub api_key: Option<Secret>,
    /// Name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// From sending a request to its first token.
    pub first_token_timeout: Duration,
    /// Between two pieces of an answer.
    pub idle_timeout: Duration,
    /// Requests at a time.
    pub concurrency_max: usize,
    /// Requests that wait for a place; one more is refused.
    pub queue_max: usize,
    /// Attempts after the first one.
    pub retries_max: u32,
    /// Wait before the first retry; it doubles with every retry.
    pub backoff_base: Duration,
    /// The longest wait before a retry. An upstream whose `Retry-After` is longer is not tried
    /// again.
    pub backoff_cap: Duration,
    /// Failures in a row that open the circuit breaker.
    pub breaker_failures: u32,
    /// How long the breaker stays open.
    pub breaker_open: Duration,
    /// Aliases asked in this order when this upstream fails; their own fallbacks are not followed.
    pub fallbacks: Vec<String>,
    /// Answers equal requests from memory.
    pub cache: Option<CacheConfig>,
    /// Bytes of one server-sent event.
    pub event_bytes_max: usize,
    /// Bytes of text of one answer.
    pub answer_bytes_max: usize,
}

/// The response cache of one upstream. It keeps answers of up to 256 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheConfig {
    /// How long an answer is repeated.
    pub ttl: Duration,
    /// Cached answers; beyond it the oldest is dropped.
    pub entries_max: usize,
}

impl Default for CacheConfig {
    /// 1024 answers, five minutes each.
    fn default() -> CacheConfig {
        CacheConfig {
            ttl: Duration::from_secs(300),
            entries_max: 1024,
        }
    }
}

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", mistakes.join("\n"))]
pub struct LlmConfigError {
    pub mistakes: Vec<String>,
}

impl UpstreamConfig {
    /// An upstream without a key, cache or fallbacks. Connect 5 s, first token and idle 60 s each;
    /// 64 requests at a time and 256 that wait; 2 retries after 250 ms to 10 s; a breaker that
    /// opens for 10 s after 5 failures; 1 MiB an event, 64 MiB an answer.
    pub fn new(
        alias: impl Into<String>,
        base_url: impl Into<String>,
        model: impl Into<String>,
    ) -> UpstreamConfig {
        UpstreamConfig {
            alias: alias.into(),
            base_url: base_url.into(),
            model: model.into(),
            api_key: None,
            connect_timeout: Duration::from_secs(5),
            first_token_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            concurrency_max: 64,
            queue_max: 256,
            retries_max: 2,
            backoff_base: Duration::from_millis(250),
            backoff_cap: Duration::from_secs(10),
            breaker_failures: 5,
            breaker_open: Duration::from_secs(10),
            fallbacks: Vec::new(),
            cache: None,
            event_bytes_max: 1 << 20,
            answer_bytes_max: 64 << 20,
        }
    }

    /// The URL of an endpoint such as `embeddings`; `None` if `base_url` is invalid.
    pub(crate) fn url(&self, function: &str) -> Option<Url> {
        let mut url = Url::parse(&self.base_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))?;
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(function.split('/'));
        Some(url)
    }

    /// The `Authorization` header; `None` without a key, or if a header cannot carry it.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let key = self.api_key.as_ref()?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn mistakes(&self, aliases: &[&str], out: &mut Vec<String>) {
        let mut mistake = |text: String| out.push(format!("upstream '{}': {text}", self.alias));
        if self.url("").is_none() {
            mistake(format!(
                "base_url '{}' is not an http or https address: write for example http://127.0.0.1:8000/v1",
                self.base_url
            ));
        }
        if self.api_key.is_some() && self.authorization().is_none() {
            mistake(
                "api_key has a character that no HTTP header can carry: check it for line breaks"
                    .to_owned(),
            );
        }
        if self.concurrency_max == 0 {
            mistake(
                "concurrency_max is 0, so no request would ever be sent: set it to at least 1"
                    .to_owned(),
            );
        }
        for fallback in &self.fallbacks {
            if *fallback == self.alias {
                mistake(format!(
                    "'{fallback}' falls back to itself: name another upstream"
                ));
            } else if !aliases.contains(&fallback.as_str()) {
                mistake(format!(
                    "there is no upstream '{fallback}' to fall back to: the aliases are {}",
                    quoted(aliases)
                ));
            }
        }
    }
}

impl LlmConfig {
    /// Checks addresses and keys, and that every alias exists once.
    ///
    /// # Errors
    /// Lists every mistake.
    pub(crate) fn check(&self) -> Result<(), LlmConfigError> {
        let aliases: Vec<&str> = self
            .upstreams
            .iter()
            .map(|upstream| upstream.alias.as_str())
            .collect();
        let mut mistakes = Vec::new();
        let mut seen = BTreeSet::new();
        for upstream in &self.upstreams {
            if !seen.insert(&upstream.alias) {
                mistakes.push(format!(
                    "upstream '{}': the alias is taken twice: rename one",
                    upstream.alias
                ));
            }
            upstream.mistakes(&aliases, &mut mistakes);
        }
        if let Some(default) = &self.default
            && !aliases.contains(&default.as_str())
        {
            mistakes.push(format!(
                "default: there is no upstream '{default}': the aliases are {}",
                quoted(&aliases)
            ));
        }
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(LlmConfigError { mistakes })
        }
    }
}

/// Names in quotes, separated by commas.
pub(crate) fn quoted(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names
        .iter()
        .map(|name| format!("'{name}'"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_listed() {
        let mut bad = UpstreamConfig::new("a", "ftp://x", "m");
        bad.api_key = Some(Secret::new("zebra\n".to_owned()));
        bad.concurrency_max = 0;
        bad.fallbacks = vec!["a".to_owned(), "z".to_owned()];
        let twice = UpstreamConfig::new("a", "http://x", "m");
        let error = LlmConfig {
            upstreams: vec![bad, twice],
            default: Some("y".to_owned()),
        }
        .check()
        .unwrap_err();
        assert_eq!(error.mistakes.len(), 7, "{error}");
        assert!(!error.to_string().contains("zebra"));
    }

    #[test]
    fn functions_go_before_the_query() {
        let show = |base: &str| {
            UpstreamConfig::new("a", base, "m")
                .url("chat/completions")
                .unwrap()
                .to_string()
        };
        assert_eq!(show("http://x/v1"), "http://x/v1/chat/completions");
        assert_eq!(show("http://x/v1/"), "http://x/v1/chat/completions");
        assert_eq!(
            show("https://x/d?api-version=1"),
            "https://x/d/chat/completions?api-version=1"
        );
    }
}
