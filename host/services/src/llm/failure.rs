//! How callers see the failure of an upstream: with its alias and the cure, never with its address
//! or its key.

use std::error::Error;
use std::io;
use std::time::Duration;

use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::limit_name::LimitName;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use crate::llm::openai::error::Complaint;
use crate::secret::Secret;

/// Bytes of an upstream's own error message that are passed on.
const QUOTE_BYTES_MAX: usize = 1 << 10;

/// Describes the failures of one upstream.
pub(crate) struct Reporter {
    alias: String,
    key: Option<Secret>,
}

impl Reporter {
    pub(crate) fn new(alias: String, key: Option<Secret>) -> Reporter {
        Reporter { alias, key }
    }

    fn failure(&self, kind: FailureKind, what: &str) -> Failure {
        Failure::new(kind, format!("upstream '{}' {what}", self.alias))
    }

    /// It answered with an error status.
    pub(crate) fn status(
        &self,
        status: StatusCode,
        said: &Complaint,
        retry_after: Option<Duration>,
    ) -> Failure {
        let code = status.as_u16();
        let quote = self.quote(&said.message);
        let (kind, what) = match code {
            _ if said.exhausted => (
                FailureKind::Failed,
                format!(
                    "has no quota left for the host's account ({code}): check its billing{quote}"
                ),
            ),
            // The message is not quoted: it may repeat a part of the key.
            401 | 403 => (
                FailureKind::Failed,
                format!("rejects the host's key ({code}): ask the operator to check its api_key"),
            ),
            404 => (
                FailureKind::NotFound,
                format!("has no such model or address (404): check its model and base_url{quote}"),
            ),
            408 | 425 | 500..=599 => (
                FailureKind::Unavailable,
                format!("failed with {code}: try again later{quote}"),
            ),
            429 => (
                FailureKind::Limit,
                format!("accepts no more requests now (429): try again later{quote}"),
            ),
            300..=399 => (
                FailureKind::Failed,
                format!("redirects ({code}), which is not followed: correct its base_url"),
            ),
            402 | 405 | 407 => (
                FailureKind::Failed,
                format!("refused with {code}: check its account and base_url{quote}"),
            ),
            _ => (
                FailureKind::InvalidInput,
                format!("refused the request with {code}: change the messages or options{quote}"),
            ),
        };
        Failure {
            retry_after,
            ..self.failure(kind, &what)
        }
    }

    /// It sent an error object within its answer, or words instead of an answer.
    pub(crate) fn reported(&self, complaint: &Complaint) -> Failure {
        let status = complaint
            .code
            .and_then(|code| StatusCode::from_u16(code).ok())
            .filter(|status| status.as_u16() >= 400);
        let plain = || {
            self.failure(
                FailureKind::Failed,
                &format!(
                    "reported an error in its answer{}",
                    self.quote(&complaint.message)
                ),
            )
        };
        status.map_or_else(plain, |status| self.status(status, complaint, None))
    }

    /// The finish reason says that the answer is not complete.
    pub(crate) fn broken_off(&self, reason: &str) -> Failure {
        let what = format!(
            "broke off its answer (finish reason '{}'): try again",
            shorten(reason, 64)
        );
        self.failure(FailureKind::Unavailable, &what)
    }

    /// The body ended without an answer.
    pub(crate) fn empty(&self) -> Failure {
        self.failure(
            FailureKind::Unavailable,
            "ended its answer before anything came: try again",
        )
    }

    pub(crate) fn encoding(&self, found: &str) -> Failure {
        let what = format!(
            "compressed its answer as '{}', although it was not asked to: turn that off there",
            shorten(found, 64)
        );
        self.failure(FailureKind::Failed, &what)
    }

    pub(crate) fn cannot_decode(&self, error: &io::Error) -> Failure {
        let what = format!("sent an answer that cannot be decompressed ({error}): try again");
        self.failure(FailureKind::Unavailable, &what)
    }

    /// No answer came, for a reason below HTTP. The details go to the log: they name the address.
    pub(crate) fn transport(&self, error: &reqwest::Error, connect_timeout: Duration) -> Failure {
        tracing::warn!(upstream = self.alias, error = chain(error), "no answer");
        let what = if error.is_connect() && error.is_timeout() {
            format!(
                "could not be reached within {connect_timeout:?} (connect_timeout): check its base_url and that it runs"
            )
        } else if error.is_connect() {
            format!(
                "cannot be reached ({}): check its base_url and that it runs",
                reason(error)
            )
        } else {
            "closed the connection before it answered: try again later".to_owned()
        };
        let failure = self.failure(FailureKind::Unavailable, &what);
        if error.is_connect() && error.is_timeout() {
            failure.limit(LimitName::UpstreamConnectTimeout)
        } else {
            failure
        }
    }

    /// The connection broke, or ended, before the answer did.
    pub(crate) fn cut(&self, error: Option<&reqwest::Error>) -> Failure {
        tracing::warn!(
            upstream = self.alias,
            error = error.map(chain),
            "the answer broke off"
        );
        self.failure(
            FailureKind::Unavailable,
            "closed the connection in the middle of its answer: try again",
        )
    }

    pub(crate) fn no_token(&self, limit: Duration) -> Failure {
        let what = format!(
            "sent no token within {limit:?}: try again later, or raise its first_token_timeout"
        );
        self.failure(FailureKind::Timeout, &what)
            .limit(LimitName::UpstreamFirstTokenTimeout)
    }

    pub(crate) fn idle(&self, limit: Duration) -> Failure {
        self.failure(
            FailureKind::Timeout,
            &format!(
                "sent nothing for {limit:?} in the middle of its answer: try again, or raise its idle_timeout"
            ),
        )
        .limit(LimitName::UpstreamIdleTimeout)
    }

    pub(crate) fn event_too_long(&self, limit: usize) -> Failure {
        self.failure(FailureKind::Failed, &format!("sent an event of more than {limit} bytes: raise its event_bytes_max if such events are expected"))
            .limit(LimitName::UpstreamEventBytesMax)
    }

    pub(crate) fn answer_too_long(&self, limit: usize) -> Failure {
        let what = format!(
            "answered with more than {limit} bytes: ask for fewer tokens, or raise its answer_bytes_max"
        );
        self.failure(FailureKind::Limit, &what)
            .limit(LimitName::UpstreamAnswerBytesMax)
    }

    /// The answer does not follow OpenAI's API.
    pub(crate) fn malformed(&self, error: &serde_json::Error) -> Failure {
        let what =
            format!("sent an invalid response for the OpenAI API: check its base_url ({error})");
        self.failure(FailureKind::Failed, &what)
    }

    /// It sent a web page.
    pub(crate) fn page(&self, headers: &HeaderMap) -> Failure {
        let found = headers
            .get(CONTENT_TYPE)
            .map_or("", |value| value.to_str().unwrap_or_default());
        let what = format!(
            "answered with content type {}, not as a model: check its base_url, which often ends in /v1",
            shorten(found, 64)
        );
        self.failure(FailureKind::Failed, &what)
    }

    pub(crate) fn vectors(&self, asked: usize, got: usize) -> Failure {
        self.failure(
            FailureKind::Failed,
            &format!("sent {got} vectors for {asked} texts: check that its model makes embeddings"),
        )
    }

    /// The members of its answer that OpenAI does not have are dropped; the answer stands.
    pub(crate) fn drops_fields(&self, bytes: usize, bytes_max: usize) {
        tracing::warn!(
            upstream = self.alias,
            bytes,
            bytes_max,
            "the answer has more fields of its own than fit into a chunk: they are dropped"
        );
    }

    /// The breaker is open.
    pub(crate) fn shut(&self, rest: Duration) -> Failure {
        let what = "failed several times in a row and is not asked for a while: try again later";
        self.failure(FailureKind::Unavailable, what)
            .retry_after(rest)
    }

    /// All places are taken, and so is the queue.
    pub(crate) fn full(&self, running: usize, waiting: usize) -> Failure {
        let what = format!(
            "has {running} requests running and {waiting} waiting: try again later, or raise its concurrency_max or queue_max"
        );
        self.failure(FailureKind::Limit, &what)
            .retry_after(Duration::from_secs(1))
            .limit(LimitName::UpstreamQueueMax)
    }

    /// The upstream's own message, shortened and without the key.
    fn quote(&self, said: &str) -> String {
        if said.trim().is_empty() {
            return String::new();
        }
        let key = self
            .key
            .as_ref()
            .map(Secret::expose)
            .filter(|key| !key.is_empty());
        let said = key.map_or_else(|| said.to_owned(), |key| said.replace(key, "[key]"));
        format!("; it says: {}", shorten(said.trim(), QUOTE_BYTES_MAX))
    }
}

/// Whether the same upstream may do better soon.
pub(crate) fn may_pass(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Unavailable | FailureKind::Limit)
}

/// Whether the breaker counts it as a failure of the upstream: not if the answer made sense.
pub(crate) fn is_breakdown(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Unavailable | FailureKind::Timeout
    )
}

/// Whether another upstream may do better: not where the caller's own request is wrong.
pub(crate) fn may_fall_back(failure: &Failure) -> bool {
    failure.kind != FailureKind::InvalidInput
}

/// One failure for an upstream and its fallbacks: the kind of the first, the messages of all, the
/// earliest time to try again.
pub(crate) fn of_all(failures: Vec<Failure>) -> Failure {
    let retry_after = failures
        .iter()
        .filter_map(|failure| failure.retry_after)
        .min();
    let (kind, limit) = failures
        .first()
        .map_or((FailureKind::Failed, None), |failure| {
            (failure.kind, failure.limit)
        });
    let messages: Vec<String> = failures
        .into_iter()
        .map(|failure| failure.message)
        .collect();
    Failure {
        retry_after,
        limit,
        ..Failure::new(kind, messages.join("; then "))
    }
}

/// The caller's request is invalid for every upstream.
pub(crate) fn invalid(message: String) -> Failure {
    Failure::new(FailureKind::InvalidInput, message)
}

/// The beginning of a text, whole characters only.
fn shorten(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or_default()
}

/// Why connecting failed, without any address; the log has the details.
fn reason(error: &reqwest::Error) -> String {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut,
    };
    if error.is_dns() {
        return "its name cannot be resolved".to_owned();
    }
    let kinds = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    let shown = [
        ConnectionRefused,
        ConnectionReset,
        HostUnreachable,
        NetworkUnreachable,
        TimedOut,
    ];
    kinds
        .filter(|kind| shown.contains(kind))
        .last()
        .map_or_else(
            || "the host's log says why".to_owned(),
            |kind| kind.to_string(),
        )
}

/// Every cause, for the log; without the URL, whose query may hold a secret.
fn chain(error: &reqwest::Error) -> String {
    causes(error)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter() -> Reporter {
        Reporter::new("a".to_owned(), Some(Secret::new("sk-1".to_owned())))
    }

    #[test]
    fn each_status_has_its_kind() {
        let cases = [
            (400, FailureKind::InvalidInput),
            (401, FailureKind::Failed),
            (403, FailureKind::Failed),
            (404, FailureKind::NotFound),
            (413, FailureKind::InvalidInput),
            (422, FailureKind::InvalidInput),
            (429, FailureKind::Limit),
            (302, FailureKind::Failed),
            (500, FailureKind::Unavailable),
            (503, FailureKind::Unavailable),
        ];
        let said = Complaint::plain("bad key sk-1");
        for (code, kind) in cases {
            let failure = reporter().status(StatusCode::from_u16(code).unwrap(), &said, None);
            assert_eq!(failure.kind, kind, "{code}");
            assert!(
                failure.message.contains(&code.to_string()) && !failure.message.contains("sk-1"),
                "{failure}"
            );
        }
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(shorten("grün", 3), "gr");
        let long = Complaint::plain(&"ü".repeat(5000));
        assert!(reporter().reported(&long).message.len() < 2000);
    }
}
