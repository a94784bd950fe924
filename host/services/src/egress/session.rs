//! The requests of one run, from what the guest wrote to an answer it can read.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hayrick_types::egress::grant::EgressGrant;
use hayrick_types::egress::rule::Destination;
use hayrick_types::limit_name::LimitName;
use reqwest::{Method, Response};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::egress::destination::{destination, parse};
use crate::egress::error::EgressError;
use crate::egress::headers;
use crate::egress::incoming::{Bounds, Incoming, Places};
use crate::egress::pin::pin;
use crate::egress::redirect::Hop;
use crate::egress::request::Request;
use crate::egress::shared::Shared;
use crate::egress::vault::{Vault, is_plain};

/// What one run may ask, and how much of that is left.
pub struct Session {
    shared: Arc<Shared>,
    pipeline: Arc<str>,
    grant: Arc<EgressGrant>,
    vault: Vault,
    places: Arc<Semaphore>,
    begun: AtomicUsize,
}

/// An answer's head, and how it was come by.
struct Answer {
    response: Response,
    /// Whether a secret went with any request on the way here.
    is_secret: bool,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, pipeline: Arc<str>, grant: Arc<EgressGrant>) -> Session {
        let vault = Vault::open(Arc::clone(&grant), &shared.secrets);
        let places = Arc::new(Semaphore::new(
            shared.config.run_requests_max.min(Semaphore::MAX_PERMITS),
        ));
        Session {
            shared,
            pipeline,
            grant,
            vault,
            places,
            begun: AtomicUsize::new(0),
        }
    }

    /// Bytes of a request's body.
    pub fn request_bytes_max(&self) -> usize {
        self.shared.config.request_bytes_max
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// It is malformed or not granted, a bound is reached, or the other side does not answer as it
    /// should.
    pub async fn send(&self, request: Request) -> Result<Incoming, EgressError> {
        let config = self.shared.config;
        let time_max = request
            .timeout
            .map_or(config.time_max, |timeout| timeout.min(config.time_max));
        let bounds = Bounds {
            config,
            time_max,
            deadline: Instant::now() + time_max,
        };
        let follow = request.follow;
        let hop = self.first(request)?;
        let places = self.enter()?;
        let answer = timeout_at(bounds.deadline, self.exchange(hop, follow, &bounds)).await;
        let (answer, host) = answer.unwrap_or_else(|_| Err(bounds.late()))?;
        let redactor = self.vault.redactor();
        if answer.is_secret && !is_plain(answer.response.headers()) {
            let reason =
                "it is compressed, and cannot be searched for the secret that was sent".to_owned();
            return Err(EgressError::Refused { host, reason });
        }
        let headers = headers::incoming(answer.response.headers().clone(), &config, redactor)?;
        Incoming::new(
            answer.response,
            headers,
            host,
            bounds,
            Arc::clone(redactor),
            places,
        )
    }

    /// Reads what the guest wrote.
    fn first(&self, request: Request) -> Result<Hop, EgressError> {
        let config = &self.shared.config;
        if request.body.len() > config.request_bytes_max {
            let max = config.request_bytes_max as u64;
            return Err(EgressError::TooLarge {
                what: "the request's body is too long",
                limit: LimitName::EgressRequestBytesMax,
                max,
            });
        }
        let is_word = !request.method.is_empty()
            && request.method.bytes().all(|byte| byte.is_ascii_uppercase());
        let method = Method::from_bytes(request.method.as_bytes())
            .ok()
            .filter(|_| is_word);
        let method = method
            .ok_or_else(|| EgressError::Method("write for example GET, in capitals".to_owned()))?;
        let url = parse(&request.url)?;
        Ok(Hop {
            method,
            url,
            headers: headers::outgoing(&request.headers, config)?,
            body: request.body,
            is_elsewhere: false,
        })
    }

    /// Takes a place in the run and in the host, if there is one at once: a guest that waited for
    /// itself would wait for ever.
    fn enter(&self) -> Result<Places, EgressError> {
        let config = &self.shared.config;
        let full = |limit, max, passes| EgressError::TooMany { limit, max, passes };
        let run = Arc::clone(&self.places).try_acquire_owned();
        let run = run.map_err(|_| {
            full(
                LimitName::EgressRunRequestsMax,
                config.run_requests_max,
                false,
            )
        })?;
        let host = Arc::clone(&self.shared.places).try_acquire_owned();
        let host =
            host.map_err(|_| full(LimitName::EgressRequestsMax, config.requests_max, true))?;
        Ok(Places {
            _run: run,
            _host: host,
        })
    }

    /// Counts what goes out; a redirect is one more.
    fn count(&self) -> Result<(), EgressError> {
        let max = self.shared.config.run_requests_total_max;
        if self.begun.fetch_add(1, Ordering::Relaxed) >= max {
            return Err(EgressError::TooMany {
                limit: LimitName::EgressRunRequestsTotalMax,
                max,
                passes: false,
            });
        }
        Ok(())
    }

    /// Asks, and goes where the answers lead: every step is authorised, resolved and checked as the
    /// first one is.
    async fn exchange(
        &self,
        mut hop: Hop,
        follow: bool,
        bounds: &Bounds,
    ) -> Result<(Answer, String), EgressError> {
        let mut is_secret = false;
        for redirects in 0.. {
            let asked = destination(&hop.url, hop.method.as_str())?;
            let host = self.shown(&asked);
            let is_private = self.authorise(&asked, redirects > 0)?;
            self.count()?;
            let response = self
                .ask(&hop, &asked, is_private, &mut is_secret, bounds)
                .await?;
            let next = if follow {
                hop.next(response.status(), response.headers())?
            } else {
                None
            };
            let Some(next) = next else {
                return Ok((
                    Answer {
                        response,
                        is_secret,
                    },
                    host,
                ));
            };
            if redirects >= bounds.config.redirects_max {
                return Err(EgressError::Redirects {
                    host,
                    max: bounds.config.redirects_max,
                });
            }
            hop = next;
        }
        Err(bounds.late())
    }

    /// Whether a request falls under a rule, and if so, whether under one for a private address.
    fn authorise(&self, asked: &Destination, is_redirect: bool) -> Result<bool, EgressError> {
        let mut rules = self.grant.rules_for(asked).peekable();
        if rules.peek().is_some() {
            return Ok(rules.any(|rule| rule.private));
        }
        let (pipeline, scheme, port) = (&*self.pipeline, asked.scheme.as_str(), asked.port);
        tracing::info!(pipeline, method = asked.method, host = %asked.host, port, is_redirect, "a request is not granted");
        if is_redirect {
            // Where it leads is the server's word, and could have a secret in it.
            let text = "where a redirect leads".to_owned();
            let cure = "an [[egress]] for it; the host's log has its name".to_owned();
            return Err(EgressError::Denied {
                asked: text,
                pipeline: pipeline.to_owned(),
                cure,
            });
        }
        let place = format!("{} {scheme}://{}:{port}", asked.method, asked.host);
        let host = asked.host.to_string();
        let host = host.trim_matches(['[', ']']);
        let cure = format!("[[egress]]\nscheme = \"{scheme}\"\nhost = \"{host}\"\nport = {port}");
        Err(EgressError::Denied {
            asked: place,
            pipeline: pipeline.to_owned(),
            cure,
        })
    }

    /// One request to checked addresses.
    async fn ask(
        &self,
        hop: &Hop,
        asked: &Destination,
        private: bool,
        is_secret: &mut bool,
        bounds: &Bounds,
    ) -> Result<Response, EgressError> {
        let shared = &self.shared;
        let host = self.shown(asked);
        let ips = pin(
            &asked.host,
            &host,
            private,
            &*shared.resolver,
            shared.config.connect_timeout,
        )
        .await?;
        let mut headers = hop.headers.clone();
        if !hop.is_elsewhere {
            *is_secret |= self.vault.inject(asked, &mut headers)?;
        }
        let client = shared
            .connector
            .client(hop.url.scheme() == "https", &host, &ips)?;
        let mut request = client
            .request(hop.method.clone(), hop.url.clone())
            .headers(headers);
        if !hop.body.is_empty() {
            request = request.body(hop.body.clone());
        }
        let (until, late) = bounds.patience("the answer's first line");
        match timeout_at(until, request.send()).await {
            Ok(Ok(response)) if response.status().is_informational() => Err(EgressError::Refused {
                host,
                reason: format!("its status is {}", response.status().as_u16()),
            }),
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.failed(error.without_url(), host)),
            Err(_) => Err(late),
        }
    }

    /// The host as errors name it: a redirect may lead to one whose name has a secret in it.
    fn shown(&self, asked: &Destination) -> String {
        let host = asked.host.to_string();
        if self.vault.redactor().is_in_lower(&host) {
            "[secret]".to_owned()
        } else {
            host
        }
    }

    fn failed(&self, error: reqwest::Error, host: String) -> EgressError {
        tracing::info!(
            pipeline = &*self.pipeline,
            host,
            "a request failed: {error:?}"
        );
        if error.is_timeout() {
            let max = self.shared.config.connect_timeout;
            return EgressError::Timeout {
                what: "connecting",
                limit: Some(LimitName::EgressConnectTimeout),
                max,
            };
        }
        if error.is_connect() {
            EgressError::Unreachable {
                host,
                reason: reason(&error),
            }
        } else {
            EgressError::Broken { host }
        }
    }
}

/// Why there is no connection, as far as that names no address; the log has the rest.
fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut kind = None;
    while let Some(this) = cause {
        kind = this
            .downcast_ref::<io::Error>()
            .map(io::Error::kind)
            .filter(|kind| *kind != io::ErrorKind::Other)
            .or(kind);
        cause = this.source();
    }
    kind.map_or_else(
        || "the host's log says why".to_owned(),
        |kind| kind.to_string(),
    )
}
