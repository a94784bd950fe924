//! Routes requests to upstreams by alias, and falls back to others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hayrick_types::chunk::Chunk;
use hayrick_types::embeddings::Embeddings;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::generation::{Answer, Options};
use hayrick_types::message::Message;
use reqwest::{Client, redirect};
use serde::Serialize;

use crate::llm::answer::collect;
use crate::llm::builtin;
use crate::llm::config::{LlmConfig, LlmConfigError, UpstreamConfig, quoted};
use crate::llm::failure::{may_fall_back, of_all};
use crate::llm::generation::Generation;
use crate::llm::upstream::Upstream;

const USER_AGENT: &str = concat!("hayrick/", env!("CARGO_PKG_VERSION"));

/// Every language model of the host. A cheap handle.
#[derive(Clone)]
pub struct Llm {
    inner: Arc<Inner>,
}

struct Inner {
    /// In the order of the configuration.
    upstreams: Vec<Arc<Upstream>>,
    /// Each alias's upstream, then its fallbacks.
    routes: BTreeMap<String, Vec<Arc<Upstream>>>,
    default: String,
}

/// The state of an upstream, as `/status` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpstreamStatus {
    pub alias: String,
    pub model: String,
    /// `closed` (it works), `open` (it is not asked) or `half-open` (it is on trial).
    pub breaker: &'static str,
    /// Requests at this moment, those waiting for a retry included.
    pub active: usize,
    /// Requests that wait for a place (`concurrency_max`).
    pub waiting: usize,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Those of them that failed, before or after their first token.
    pub failures: u64,
}

/// The configured aliases, or that of the built-in model without upstreams.
pub fn aliases(config: &LlmConfig) -> BTreeSet<String> {
    if config.upstreams.is_empty() {
        return BTreeSet::from([builtin::ALIAS.to_owned()]);
    }
    config
        .upstreams
        .iter()
        .map(|upstream| upstream.alias.clone())
        .collect()
}

impl Llm {
    /// Sets the upstreams up; nothing is sent yet.
    ///
    /// # Errors
    /// Every mistake of the configuration: bad addresses and keys, aliases that are taken twice or
    /// unknown.
    pub fn new(config: LlmConfig) -> Result<Llm, LlmConfigError> {
        config.check()?;
        let first = config
            .upstreams
            .first()
            .map_or(builtin::ALIAS, |upstream| &upstream.alias)
            .to_owned();
        let default = config.default.clone().unwrap_or(first);
        let upstreams = connectable(&config.upstreams)?;
        let routes = upstreams
            .iter()
            .map(|upstream| (upstream.config().alias.clone(), route(upstream, &upstreams)))
            .collect();
        Ok(Llm {
            inner: Arc::new(Inner {
                upstreams,
                routes,
                default,
            }),
        })
    }

    /// Returns the whole answer. Before the first token a failing upstream is retried, then its
    /// fallbacks are asked.
    ///
    /// # Errors
    /// `NotFound`: no such alias, or the upstream has no such model. `InvalidInput`: it refused the
    /// request. `Limit`, `Unavailable`: it is busy or not reachable. Otherwise as
    /// [`Generation::next`].
    pub async fn generate(
        &self,
        messages: Vec<Message>,
        options: Options,
    ) -> Result<Answer, Failure> {
        self.generate_counted(messages, options, |_| Ok(())).await
    }

    /// The same; `count` sees each chunk as it comes, and ends the answer with its error.
    ///
    /// # Errors
    /// As [`Llm::generate`], and those of `count`.
    pub async fn generate_counted(
        &self,
        messages: Vec<Message>,
        options: Options,
        count: impl FnMut(&Chunk) -> Result<(), Failure>,
    ) -> Result<Answer, Failure> {
        collect(self.open(&messages, &options).await?, count).await
    }

    /// Returns the generation once an upstream has sent its first token; until then a failing
    /// upstream is retried, then its fallbacks are asked.
    ///
    /// # Errors
    /// As [`Llm::generate`].
    pub async fn generate_stream(
        &self,
        messages: Vec<Message>,
        options: Options,
    ) -> Result<Generation, Failure> {
        self.open(&messages, &options).await
    }

    /// Returns one vector per text, in order. `dimensions` asks for vectors of that length, where
    /// the model supports it. It never falls back to another model: vectors of different models
    /// cannot be compared.
    ///
    /// # Errors
    /// As [`Llm::generate`].
    pub async fn embed(
        &self,
        texts: Vec<String>,
        model: Option<String>,
        dimensions: Option<u32>,
    ) -> Result<Embeddings, Failure> {
        match self.route(model.as_deref())? {
            _ if texts.is_empty() => Ok(Embeddings::default()),
            [] => builtin::embed(&texts),
            [upstream, ..] => upstream.embed(&texts, dimensions).await,
        }
    }

    /// The aliases that clients may ask directly.
    pub fn public_aliases(&self) -> Vec<String> {
        let upstreams = self.inner.upstreams.iter();
        let public = upstreams.filter(|upstream| upstream.config().settings.public);
        public
            .map(|upstream| upstream.config().alias.clone())
            .collect()
    }

    /// The state of each upstream, in the order of the configuration; without upstreams, that of the
    /// built-in model.
    pub fn status(&self) -> Vec<UpstreamStatus> {
        if self.inner.upstreams.is_empty() {
            let name = || builtin::ALIAS.to_owned();
            return vec![UpstreamStatus {
                alias: name(),
                model: name(),
                breaker: "closed",
                active: 0,
                waiting: 0,
                requests: 0,
                failures: 0,
            }];
        }
        self.inner
            .upstreams
            .iter()
            .map(|upstream| status(upstream))
            .collect()
    }

    /// The upstreams that may serve an alias, in order; empty for the built-in model.
    fn route(&self, alias: Option<&str>) -> Result<&[Arc<Upstream>], Failure> {
        let alias = alias.unwrap_or(&self.inner.default);
        if self.inner.upstreams.is_empty() && alias == builtin::ALIAS {
            return Ok(&[]);
        }
        self.inner
            .routes
            .get(alias)
            .map(Vec::as_slice)
            .ok_or_else(|| self.unknown(alias))
    }

    fn unknown(&self, alias: &str) -> Failure {
        let status = self.status();
        let aliases: Vec<&str> = status
            .iter()
            .map(|upstream| upstream.alias.as_str())
            .collect();
        Failure::new(
            FailureKind::NotFound,
            format!(
                "there is no model '{alias}': name one of {}",
                quoted(&aliases)
            ),
        )
    }

    async fn open(&self, messages: &[Message], options: &Options) -> Result<Generation, Failure> {
        let route = self.route(options.model.as_deref())?;
        if route.is_empty() {
            return Ok(builtin::generate(messages, options));
        }
        let mut failures = Vec::new();
        for upstream in route {
            match upstream.generate(messages, options).await {
                Ok(generation) => return Ok(generation),
                Err(failure) => {
                    let is_last = !may_fall_back(&failure);
                    tracing::warn!(upstream = upstream.config().alias, %failure, "no answer from this upstream");
                    failures.push(failure);
                    if is_last {
                        break;
                    }
                }
            }
        }
        Err(of_all(failures))
    }
}

fn status(upstream: &Upstream) -> UpstreamStatus {
    let config = upstream.config();
    let breaker = upstream.breaker_state();
    let (requests, failures) = upstream.counts();
    UpstreamStatus {
        alias: config.alias.clone(),
        model: config.model.clone(),
        breaker,
        active: upstream.active(),
        waiting: upstream.waiting(),
        requests,
        failures,
    }
}

/// An upstream and then its fallbacks.
fn route(upstream: &Arc<Upstream>, all: &[Arc<Upstream>]) -> Vec<Arc<Upstream>> {
    let named = |alias: &String| all.iter().find(|other| other.config().alias == *alias);
    let fallbacks = upstream
        .config()
        .settings
        .fallbacks
        .iter()
        .filter_map(named);
    std::iter::once(upstream)
        .chain(fallbacks)
        .cloned()
        .collect()
}

/// Upstreams over one client, and so one pool of connections; more than one only if their connect
/// timeouts differ, which reqwest keeps in the client.
fn connectable(configs: &[UpstreamConfig]) -> Result<Vec<Arc<Upstream>>, LlmConfigError> {
    // It fails if a provider is installed already, and any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let needs_tls = configs
        .iter()
        .any(|config| config.base_url.starts_with("https:"));
    let mut clients: BTreeMap<Duration, Client> = BTreeMap::new();
    let mut upstreams = Vec::new();
    for config in configs {
        let client = match clients.get(&config.settings.connect_timeout) {
            Some(client) => client.clone(),
            None => client(config.settings.connect_timeout, needs_tls)?,
        };
        clients.insert(config.settings.connect_timeout, client.clone());
        upstreams.extend(Upstream::new(config.clone(), client).map(Arc::new));
    }
    Ok(upstreams)
}

fn client(connect_timeout: Duration, needs_tls: bool) -> Result<Client, LlmConfigError> {
    // A redirect would carry the key and the prompt to an address nobody configured.
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .connect_timeout(connect_timeout);
    // A machine without root certificates can still ask its own models.
    let builder = if needs_tls {
        builder
    } else {
        builder.tls_certs_only([])
    };
    builder.build().map_err(|error| {
        let text = format!("the HTTP client cannot be set up ({error:?}): check that the system's root certificates are installed");
        LlmConfigError { mistakes: vec![text] }
    })
}

#[cfg(test)]
mod tests {
    use hayrick_types::chunk::{FinishReason, Usage};
    use hayrick_types::message::Role;

    use super::*;

    fn builtin_only() -> Llm {
        Llm::new(LlmConfig::default()).unwrap()
    }

    #[tokio::test]
    async fn without_upstreams_the_built_in_model_answers() {
        let question = vec![
            Message::text(Role::System, "be kind"),
            Message::text(Role::User, "do you  hear me?"),
        ];
        let answer = builtin_only()
            .generate(question.clone(), Options::default())
            .await
            .unwrap();
        assert_eq!(
            answer.text,
            "I am Hayrick's built-in model: no upstream is configured. You said: do you  hear me?"
        );
        assert_eq!(
            (answer.finish, answer.usage),
            (
                FinishReason::Stop,
                Some(Usage {
                    input_tokens: 6,
                    output_tokens: 16,
                    details: None,
                })
            )
        );
        let short = Options {
            max_tokens: Some(2),
            model: Some("builtin".to_owned()),
            ..Options::default()
        };
        let answer = builtin_only().generate(question, short).await.unwrap();
        assert_eq!(
            (answer.text.as_str(), answer.finish),
            ("I am ", FinishReason::Length)
        );
    }

    #[tokio::test]
    async fn the_built_in_vectors_are_near_for_shared_words() {
        let texts = ["red apple", "Red apple pie", "stock market"].map(str::to_owned);
        let made = builtin_only().embed(texts.to_vec(), None, None).await;
        let vectors = made.unwrap().vectors;
        let near = |a: usize, b: usize| {
            vectors[a]
                .iter()
                .zip(&vectors[b])
                .map(|(x, y)| x * y)
                .sum::<f32>()
        };
        assert!(
            near(0, 1) > 0.7 && near(0, 1) > near(0, 2),
            "{} {}",
            near(0, 1),
            near(0, 2)
        );
        assert_eq!(
            vectors,
            builtin_only()
                .embed(texts.to_vec(), None, None)
                .await
                .unwrap()
                .vectors
        );
    }

    #[tokio::test]
    async fn an_unknown_alias_is_refused_with_the_known_ones() {
        let upstreams = ["a", "b"]
            .map(|alias| UpstreamConfig::new(alias, "http://127.0.0.1:9/v1", "m"))
            .to_vec();
        let llm = Llm::new(LlmConfig {
            upstreams,
            default: None,
        })
        .unwrap();
        let options = Options {
            model: Some("builtin".to_owned()),
            ..Options::default()
        };
        let failure = llm.generate(Vec::new(), options).await.unwrap_err();
        assert_eq!(
            failure,
            Failure::new(
                FailureKind::NotFound,
                "there is no model 'builtin': name one of 'a', 'b'"
            )
        );
        let status: Vec<String> = llm
            .status()
            .into_iter()
            .map(|status| format!("{} {}", status.alias, status.breaker))
            .collect();
        assert_eq!(status, ["a closed", "b closed"]);
    }
}
