//! One upstream: places, breaker, retries, cache, and the requests themselves.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hayrick_types::embeddings::Embeddings;
use hayrick_types::failure::Failure;
use hayrick_types::generation::Options;
use hayrick_types::message::Message;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Response, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::llm::breaker::{Breaker, Trial};
use crate::llm::cache::Cache;
use crate::llm::config::UpstreamConfig;
use crate::llm::failure::{Reporter, invalid, is_breakdown, may_pass};
use crate::llm::generation::Generation;
use crate::llm::openai::request::AskUsage;
use crate::llm::openai::{embeddings, error, request};
use crate::llm::plain::Plain;
use crate::llm::reading::{ReadLimits, Reading};
use crate::llm::retry::{self, parse_retry_after};
use crate::llm::usage_taken::{Blame, Refused, UsageTaken};

/// Bytes of an error response that are read for its reason.
const REFUSAL_BYTES_MAX: usize = 64 << 10;
/// How long to wait for the body of an error response.
const REFUSAL_TIME_MAX: Duration = Duration::from_secs(2);

/// An endpoint with one model, and its state.
pub(crate) struct Upstream {
    config: UpstreamConfig,
    client: Client,
    chat: Url,
    embeddings: Url,
    authorization: Option<HeaderValue>,
    places: Arc<Semaphore>,
    queue: Semaphore,
    breaker: Arc<Breaker>,
    backoff: Backoff,
    cache: Option<Arc<Cache>>,
    requests: AtomicU64,
    failures: Arc<AtomicU64>,
    usage_taken: UsageTaken,
    reporter: Arc<Reporter>,
    limits: ReadLimits,
}

/// The attempts of one request.
struct Attempts<'a> {
    upstream: &'a Upstream,
    failed: u32,
    last: Option<Failure>,
}

impl Upstream {
    /// An upstream that was not asked yet; `None` if its `base_url` is invalid.
    pub(crate) fn new(config: UpstreamConfig, client: Client) -> Option<Upstream> {
        let seed = RandomState::new().hash_one(&config.alias);
        Some(Upstream {
            client,
            chat: config.url("chat/completions")?,
            embeddings: config.url("embeddings")?,
            authorization: config.authorization(),
            places: Arc::new(Semaphore::new(
                config.settings.concurrency_max.min(Semaphore::MAX_PERMITS),
            )),
            queue: Semaphore::new(config.settings.queue_max.min(Semaphore::MAX_PERMITS)),
            breaker: Breaker::new(
                config.settings.breaker_failures,
                config.settings.breaker_open,
            ),
            backoff: Backoff::new(
                config.settings.backoff_base,
                config.settings.backoff_cap,
                seed,
            ),
            cache: config.cache.map(Cache::new),
            requests: AtomicU64::new(0),
            failures: Arc::default(),
            usage_taken: UsageTaken::default(),
            reporter: Arc::new(Reporter::new(config.alias.clone(), config.api_key.clone())),
            limits: ReadLimits {
                first_token_timeout: config.settings.first_token_timeout,
                idle_timeout: config.settings.idle_timeout,
                event_bytes_max: config.settings.event_bytes_max,
                answer_bytes_max: config.settings.answer_bytes_max,
            },
            config,
        })
    }

    pub(crate) fn config(&self) -> &UpstreamConfig {
        &self.config
    }

    /// The name of the breaker's state.
    pub(crate) fn breaker_state(&self) -> &'static str {
        self.breaker.name()
    }

    /// Requests sent, and those of them that failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.requests.load(Ordering::Relaxed),
            self.failures.load(Ordering::Relaxed),
        )
    }

    /// Requests that have a place.
    pub(crate) fn active(&self) -> usize {
        self.config
            .settings
            .concurrency_max
            .min(Semaphore::MAX_PERMITS)
            - self.places.available_permits()
    }

    /// Requests that wait for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.config.settings.queue_max.min(Semaphore::MAX_PERMITS) - self.queue.available_permits()
    }

    /// Requests an answer, with retries.
    ///
    /// # Errors
    /// The last attempt's failure, or the reason why there was none.
    pub(crate) async fn generate(
        &self,
        messages: &[Message],
        options: &Options,
    ) -> Result<Generation, Failure> {
        let body = request::encode(&self.config.model, messages, options, AskUsage::Yes)?;
        let recorder = match self.cache.as_ref().map(|cache| cache.get(&body)) {
            Some(Ok(chunks)) => return Ok(Generation::replay(chunks)),
            Some(Err(recorder)) => Some(recorder),
            None => None,
        };
        let place = self.enter().await?;
        let mut ask = self.usage_taken.ask();
        let mut attempts = Attempts {
            upstream: self,
            failed: 0,
            last: None,
        };
        loop {
            let trial = attempts.next()?;
            let sent = match ask {
                AskUsage::Yes => body.clone(),
                AskUsage::No => request::encode(&self.config.model, messages, options, ask)?,
            };
            match self.attempt(sent, trial, Arc::clone(&place)).await {
                Ok(mut reading) => {
                    self.usage_taken.learn(ask);
                    reading.hand_over(recorder, Arc::clone(&self.failures));
                    return Ok(Generation::reading(reading));
                }
                Err(refused) if ask == AskUsage::Yes && self.usage_taken.may_be_why(&refused) => {
                    tracing::info!(
                        upstream = self.config.alias,
                        failure = %refused.failure,
                        "asking again without stream_options"
                    );
                    ask = AskUsage::No;
                }
                Err(refused) => attempts.failed(refused.failure).await?,
            }
        }
    }

    /// Requests embeddings.
    ///
    /// # Errors
    /// The last attempt's failure, or the reason why there was none.
    pub(crate) async fn embed(
        &self,
        texts: &[String],
        dimensions: Option<u32>,
    ) -> Result<Embeddings, Failure> {
        let _place = self.enter().await?;
        // Only those that have a place hold a body.
        let body = embeddings::encode(&self.config.model, texts, dimensions)
            .map_err(|error| invalid(error.to_string()))?;
        let mut attempts = Attempts {
            upstream: self,
            failed: 0,
            last: None,
        };
        let answer = loop {
            let mut trial = Some(attempts.next()?);
            match self.fetch(&self.embeddings, body.clone()).await {
                Ok(answer) => {
                    settle(trial.take(), None);
                    break answer;
                }
                Err(failure) => {
                    settle(trial.take(), Some(&failure));
                    attempts.failed(failure).await?;
                }
            }
        };
        let made = embeddings::decode(&answer).map_err(|error| self.reporter.malformed(&error))?;
        if made.vectors.len() == texts.len() {
            Ok(made)
        } else {
            Err(self.reporter.vectors(texts.len(), made.vectors.len()))
        }
    }

    /// Waits for a place, unless the queue is full.
    async fn enter(&self) -> Result<Arc<OwnedSemaphorePermit>, Failure> {
        if let Some(rest) = self.breaker.shut_for() {
            return Err(self.reporter.shut(rest));
        }
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Arc::new(place));
        }
        let full = |_| {
            self.reporter.full(
                self.config.settings.concurrency_max,
                self.config.settings.queue_max,
            )
        };
        let _turn = self.queue.try_acquire().map_err(full)?;
        let start = Instant::now();
        // The semaphore is never closed, so this does not fail.
        let place = Arc::clone(&self.places).acquire_owned().await;
        let (upstream, waited) = (&self.config.alias, start.elapsed());
        tracing::info!(
            upstream,
            ?waited,
            "a request waited for a place (concurrency_max)"
        );
        place.map(Arc::new).map_err(|_| self.reporter.full(0, 0))
    }

    /// One attempt at an answer, up to its first chunk.
    async fn attempt(
        &self,
        body: Bytes,
        trial: Trial,
        place: Arc<OwnedSemaphorePermit>,
    ) -> Result<Reading, Refused> {
        let start = Instant::now();
        let response = match self.post(&self.chat, body).await {
            Ok(response) => response,
            Err(refused) => {
                settle(Some(trial), Some(&refused.failure));
                return Err(refused);
            }
        };
        let mut reading = Reading::new(
            response,
            trial,
            place,
            Arc::clone(&self.reporter),
            self.limits,
            start.elapsed(),
        )?;
        reading.await_first().await?;
        Ok(reading)
    }

    /// Posts JSON and waits for a success status.
    async fn post(&self, url: &Url, body: Bytes) -> Result<Response, Refused> {
        let mut request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        request = request
            .header(ACCEPT, "text/event-stream, application/json")
            .header(ACCEPT_ENCODING, "identity");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match timeout(self.limits.first_token_timeout, request.send()).await {
            Ok(Ok(response)) if response.status().is_success() => Ok(response),
            Ok(Ok(response)) => Err(self.refusal(response).await),
            Ok(Err(error)) => {
                let timeout = self.config.settings.connect_timeout;
                Err(self.reporter.transport(&error, timeout).into())
            }
            Err(_) => {
                let limit = self.limits.first_token_timeout;
                Err(self.reporter.no_token(limit).into())
            }
        }
    }

    async fn refusal(&self, mut response: Response) -> Refused {
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| parse_retry_after(value, SystemTime::now()));
        let mut plain = Plain::of(response.headers()).unwrap_or(Plain::AsSent);
        let mut body = Vec::new();
        let read = async {
            // The status counts even if the body breaks off.
            while let Ok(Some(bytes)) = response.chunk().await
                && let Ok(piece) = plain.decode(&bytes)
                && body.len() + piece.len() <= REFUSAL_BYTES_MAX
            {
                body.extend_from_slice(&piece);
            }
        };
        let _ = timeout(REFUSAL_TIME_MAX, read).await;
        Refused {
            failure: self
                .reporter
                .status(status, &error::of_body(&body), retry_after),
            blame: Blame::of(status, &body),
        }
    }

    /// Posts JSON and reads the whole answer.
    async fn fetch(&self, url: &Url, body: Bytes) -> Result<Vec<u8>, Failure> {
        let mut response = self.post(url, body).await.map_err(|it| it.failure)?;
        let mut plain =
            Plain::of(response.headers()).map_err(|found| self.reporter.encoding(&found))?;
        let mut answer = Vec::new();
        loop {
            match timeout(self.limits.idle_timeout, response.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    let piece = plain
                        .decode(&bytes)
                        .map_err(|error| self.reporter.cannot_decode(&error))?;
                    if answer.len() + piece.len() > self.limits.answer_bytes_max {
                        return Err(self.reporter.answer_too_long(self.limits.answer_bytes_max));
                    }
                    answer.extend_from_slice(&piece);
                }
                Ok(Ok(None)) => return Ok(answer),
                Ok(Err(error)) => return Err(self.reporter.cut(Some(&error))),
                Err(_) => return Err(self.reporter.idle(self.limits.idle_timeout)),
            }
        }
    }
}

/// Reports the outcome of a request to the breaker.
fn settle(trial: Option<Trial>, failure: Option<&Failure>) {
    match trial {
        Some(trial) if failure.is_some_and(is_breakdown) => trial.failed(),
        // An upstream that refuses a request still works.
        Some(trial) => trial.succeeded(),
        None => {}
    }
}

impl Attempts<'_> {
    /// Asks the breaker for the next attempt.
    fn next(&mut self) -> Result<Trial, Failure> {
        let admitted = self.upstream.breaker.admit();
        if admitted.is_ok() {
            self.upstream.requests.fetch_add(1, Ordering::Relaxed);
        }
        admitted.map_err(|rest| {
            self.last
                .take()
                .unwrap_or_else(|| self.upstream.reporter.shut(rest))
        })
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The failure itself, if there is no next attempt.
    async fn failed(&mut self, failure: Failure) -> Result<(), Failure> {
        self.upstream.failures.fetch_add(1, Ordering::Relaxed);
        let is_last =
            self.failed >= self.upstream.config.settings.retries_max || !may_pass(&failure);
        let wait = if is_last {
            None
        } else {
            retry::wait(&self.upstream.backoff, self.failed, failure.retry_after)
        };
        let Some(wait) = wait else {
            return Err(failure);
        };
        tracing::info!(upstream = self.upstream.config.alias, attempt = self.failed + 1, ?wait, %failure, "retrying");
        sleep(wait).await;
        self.failed += 1;
        self.last = Some(failure);
        Ok(())
    }
}
