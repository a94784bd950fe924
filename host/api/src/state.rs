//! The state that all handlers share.

use std::sync::{Arc, OnceLock};

use axum::http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use axum::http::{Extensions, HeaderMap, HeaderName};
use bytes::Bytes;
use hayrick_runtime::runtime::Runtime;
use hayrick_services::audit::Audit;
use hayrick_services::byte_shares::Share;
use hayrick_services::database::Database;
use hayrick_services::jobs::queue::Jobs;
use hayrick_services::keys::ring::KeyRing;
use hayrick_services::llm::router::Llm;
use hayrick_services::metrics::Metrics;
use hayrick_services::state::State;
use hayrick_services::tasks::Tasks;
use hayrick_services::uploads::spool::Spool;
use hayrick_types::contract::Export;
use hayrick_types::settings::server::ServerSettings;
use tokio::sync::watch;

use crate::body::held::HeldBodies;
use crate::body::long_work::LongWork;
use crate::config::ApiConfig;
use crate::gate::credentials::API_KEY;
use crate::gate::throttle::Throttle;

/// Headers with credentials, which a plugin could use elsewhere.
const CREDENTIALS: [HeaderName; 4] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, API_KEY];

/// The services that handlers call, beside the runtime. Cheap handles.
#[derive(Clone)]
pub struct ApiServices {
    pub llm: Llm,
    pub jobs: Jobs,
    pub tasks: Tasks,
    pub state: State,
    pub spool: Spool,
    pub database: Database,
    pub keys: KeyRing,
    pub audit: Audit,
    pub metrics: Metrics,
}

/// The runtime, the configuration and the state of the server. A cheap handle.
#[derive(Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Runtime,
    config: ApiConfig,
    services: ApiServices,
    throttle: Throttle,
    bodies: HeldBodies,
    long_work: LongWork,
    forwarded: Vec<HeaderName>,
    draining: watch::Sender<bool>,
    document: OnceLock<Bytes>,
}

impl ApiState {
    /// The state of a server that is not draining.
    pub fn new(runtime: Runtime, config: ApiConfig, services: ApiServices) -> ApiState {
        let forwarded = forwarded(&config.server.forwarded_headers);
        let throttle = Throttle::new(&config.access);
        ApiState {
            inner: Arc::new(Inner {
                runtime,
                config,
                services,
                throttle,
                bodies: HeldBodies::default(),
                long_work: LongWork::default(),
                forwarded,
                draining: watch::Sender::new(false),
                document: OnceLock::new(),
            }),
        }
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.inner.runtime
    }

    /// Why a pipeline cannot run jobs now; `None` if it can.
    pub(crate) fn obstacle_to_jobs(&self, pipeline: &str) -> Option<String> {
        let served = self.runtime().check(pipeline, Export::Job);
        served.err().map(|failure| failure.message)
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.inner.config
    }

    pub(crate) fn settings(&self) -> &ServerSettings {
        &self.inner.config.server
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.inner.throttle
    }

    /// Bytes of all bodies in memory.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.inner.bodies.bytes()
    }

    /// What a request with these extensions has in memory, which is nothing yet.
    pub(crate) fn hold_body(&self, extensions: &Extensions) -> Share {
        self.inner.bodies.open(extensions, self.settings())
    }

    pub(crate) fn long_work(&self) -> &LongWork {
        &self.inner.long_work
    }

    pub(crate) fn services(&self) -> &ApiServices {
        &self.inner.services
    }

    /// Keeps the OpenAPI document, which is made of the table of routes.
    pub(crate) fn set_document(&self, document: Vec<u8>) {
        self.inner.document.get_or_init(|| document.into());
    }

    /// The OpenAPI document; empty before the router is made.
    pub(crate) fn document(&self) -> Bytes {
        self.inner.document.get().cloned().unwrap_or_default()
    }

    /// Marks the server as not ready for new requests.
    pub(crate) fn start_draining(&self) {
        self.inner.draining.send_replace(true);
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.inner.draining.borrow()
    }

    /// Returns once the server drains: a response that only waits ends then, and its client asks
    /// the next server.
    pub(crate) async fn draining(&self) {
        // The sender lives as long as `self`.
        let _ = self
            .inner
            .draining
            .subscribe()
            .wait_for(|&draining| draining)
            .await;
    }

    /// The headers of a request that its plugin sees.
    pub(crate) fn forwarded(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        pick(headers, &self.inner.forwarded)
    }
}

/// Drops invalid header names, and headers that no plugin may see.
fn forwarded(names: &[String]) -> Vec<HeaderName> {
    let names = names
        .iter()
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
    names.filter(|name| !CREDENTIALS.contains(name)).collect()
}

/// Leaves out values that are not text.
fn pick(headers: &HeaderMap, names: &[HeaderName]) -> Vec<(String, String)> {
    let values = names
        .iter()
        .flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)));
    values
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn credentials_and_binary_values_never_reach_a_plugin() {
        let names = [
            "X-Request-Id",
            "Authorization",
            "cookie",
            "proxy-authorization",
            "X-API-Key",
            "x-raw",
            "no name",
        ]
        .map(str::to_owned);
        let mut headers = HeaderMap::new();
        for name in [
            "x-request-id",
            "authorization",
            "cookie",
            "proxy-authorization",
            "x-api-key",
            "accept",
        ] {
            headers.insert(name, HeaderValue::from_static("secret"));
        }
        headers.insert("x-raw", HeaderValue::from_bytes(&[0xff]).unwrap());
        assert_eq!(
            pick(&headers, &forwarded(&names)),
            [("x-request-id".to_owned(), "secret".to_owned())]
        );
    }
}
