//! An answer that a guest reads: bounded in size and time, and clean of secrets.

use std::sync::Arc;

use bytes::Bytes;
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::egress::EgressSettings;
use reqwest::Response;
use reqwest::header::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::egress::error::EgressError;
use crate::egress::redact::{Redactor, Tail};

/// Bytes of one read; a guest that asks for more gets this many.
const READ_BYTES_MAX: usize = 1 << 20;

/// An answer whose body is still coming. Dropping it closes the connection.
pub struct Incoming {
    status: u16,
    headers: HeaderMap,
    body: Response,
    host: String,
    /// Read from the server and not yet by the guest.
    ready: Bytes,
    tail: Tail,
    received: u64,
    /// How it ended, if it has.
    end: Option<Result<(), EgressError>>,
    bounds: Bounds,
    redactor: Arc<Redactor>,
    /// Given back with the body's end.
    places: Option<Places>,
}

/// Until when, how much, and how steadily.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) config: EgressSettings,
    pub(crate) deadline: Instant,
    pub(crate) time_max: std::time::Duration,
}

/// Places among the requests of the run and of the host.
pub(crate) struct Places {
    pub(crate) _run: OwnedSemaphorePermit,
    pub(crate) _host: OwnedSemaphorePermit,
}

impl Bounds {
    /// When waiting for more is over, and what is said then.
    pub(crate) fn patience(&self, what: &'static str) -> (Instant, EgressError) {
        let idle = Instant::now() + self.config.idle_timeout;
        if idle < self.deadline {
            (
                idle,
                EgressError::Timeout {
                    what,
                    limit: Some(LimitName::EgressIdleTimeout),
                    max: self.config.idle_timeout,
                },
            )
        } else {
            (self.deadline, self.late())
        }
    }

    /// What is said once the time is over.
    pub(crate) fn late(&self) -> EgressError {
        let is_own = self.time_max < self.config.time_max;
        EgressError::Timeout {
            what: "the request",
            limit: (!is_own).then_some(LimitName::EgressTimeMax),
            max: self.time_max,
        }
    }
}

impl Incoming {
    /// An answer whose head has come.
    ///
    /// # Errors
    /// It says itself that it is too long.
    pub(crate) fn new(
        body: Response,
        headers: HeaderMap,
        host: String,
        bounds: Bounds,
        redactor: Arc<Redactor>,
        places: Places,
    ) -> Result<Incoming, EgressError> {
        if body
            .content_length()
            .is_some_and(|length| length > bounds.config.response_bytes_max)
        {
            return Err(too_long(&bounds.config));
        }
        let (status, ready, tail) = (body.status().as_u16(), Bytes::new(), Tail::default());
        Ok(Incoming {
            status,
            headers,
            body,
            host,
            ready,
            tail,
            received: 0,
            end: None,
            bounds,
            redactor,
            places: Some(places),
        })
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers, without those of the connection.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next bytes, up to `max` and 1 MiB; empty at the end.
    ///
    /// # Errors
    /// The body broke off, is too long or too slow; every later read says the same.
    pub async fn read(&mut self, max: usize) -> Result<Vec<u8>, EgressError> {
        self.fill().await?;
        let length = self.ready.len().min(max).min(READ_BYTES_MAX);
        Ok(self.ready.split_to(length).to_vec())
    }

    /// The next piece as it comes; none at the end.
    ///
    /// # Errors
    /// As [`Incoming::read`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        self.fill().await?;
        let chunk = std::mem::take(&mut self.ready);
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }

    /// Waits until something is ready, or the end.
    async fn fill(&mut self) -> Result<(), EgressError> {
        while self.ready.is_empty() {
            match &self.end {
                Some(end) => return end.clone(),
                None => self.receive().await,
            }
        }
        Ok(())
    }

    async fn receive(&mut self) {
        let (until, late) = self.bounds.patience("the next piece of the answer");
        match timeout_at(until, self.body.chunk()).await {
            Ok(Ok(Some(piece))) => {
                self.received = self.received.saturating_add(piece.len() as u64);
                if self.received > self.bounds.config.response_bytes_max {
                    return self.ends(Err(too_long(&self.bounds.config)));
                }
                self.ready = if self.redactor.is_empty() {
                    piece
                } else {
                    self.redactor.next(&mut self.tail, &piece, false).into()
                };
            }
            Ok(Ok(None)) => {
                self.ready = self.redactor.next(&mut self.tail, b"", true).into();
                self.ends(Ok(()));
            }
            Ok(Err(error)) => {
                tracing::debug!(
                    host = self.host,
                    "an answer broke off: {:?}",
                    error.without_url()
                );
                self.ends(Err(EgressError::Broken {
                    host: self.host.clone(),
                }));
            }
            Err(_) => self.ends(Err(late)),
        }
    }

    fn ends(&mut self, end: Result<(), EgressError>) {
        self.end = Some(end);
        self.places = None;
    }
}

fn too_long(config: &EgressSettings) -> EgressError {
    EgressError::TooLarge {
        what: "the answer is too long",
        limit: LimitName::EgressResponseBytesMax,
        max: config.response_bytes_max,
    }
}
