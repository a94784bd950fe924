//! The configured upstreams and their limits.

use std::collections::BTreeSet;

use hayrick_types::id::PipelineName;
use hayrick_types::settings::upstream::{CacheSettings, UpstreamSettings};
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
    /// How it is asked.
    pub settings: UpstreamSettings,
    /// Answers equal requests from memory.
    pub cache: Option<CacheSettings>,
}

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", mistakes.join("\n"))]
pub struct LlmConfigError {
    pub mistakes: Vec<String>,
}

impl UpstreamConfig {
    /// An upstream without a key or cache, with the default settings.
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
            settings: UpstreamSettings::default(),
            cache: None,
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
                "invalid base_url '{}': write for example http://127.0.0.1:8000/v1",
                self.base_url
            ));
        }
        if self.api_key.is_some() && self.authorization().is_none() {
            mistake(
                "api_key has a character that no HTTP header can carry: check it for line breaks"
                    .to_owned(),
            );
        }
        if self.settings.concurrency_max == 0 {
            mistake(
                "concurrency_max is 0, so no request would ever be sent: set it to at least 1"
                    .to_owned(),
            );
        }
        if self.settings.public
            && let Err(error) = PipelineName::parse(&self.alias)
        {
            mistake(format!("it is public, so its alias is a name: {error}"));
        }
        for fallback in &self.settings.fallbacks {
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
        bad.settings.concurrency_max = 0;
        bad.settings.fallbacks = vec!["a".to_owned(), "z".to_owned()];
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
