//! The gate of every route: it finds out who sends a request, whether that client may, and how
//! often.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::RequestExt;
use axum::body::Body;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hayrick_services::keys::token::PREFIX;
use tokio::sync::OwnedSemaphorePermit;

use crate::body::guarded::GuardedBody;
use crate::edge::peers::Peer;
use crate::edge::request_id;
use crate::error::ApiError;
use crate::gate::access::Access;
use crate::gate::browser;
use crate::gate::credentials::{self, Credentials};
use crate::gate::forwarded;
use crate::gate::need::{Need, Needs, PipelineIn};
use crate::state::ApiState;

/// What the gate knows: the state of the server and the need of each route. A cheap handle.
#[derive(Clone)]
pub(crate) struct Gate {
    state: ApiState,
    needs: Arc<Needs>,
}

impl Gate {
    /// The gate of the routes with these needs.
    pub(crate) fn new(state: ApiState, needs: Needs) -> Gate {
        Gate {
            state,
            needs: Arc::new(needs),
        }
    }
}

/// Lets a request through with its [`Access`] among the extensions, or refuses it.
pub(crate) async fn guard(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(MatchedPath::as_str);
    let need = gate.needs.of(request.method().as_str(), path);
    match enter(&gate.state, need, &mut request).await {
        Err(error) => error.into_response(),
        Ok(None) => next.run(request).await,
        // The key holds its place until the body has ended, which for a stream is long after the
        // headers.
        Ok(Some(place)) => next
            .run(request)
            .await
            .map(|body| Body::new(GuardedBody::new(body, place))),
    }
}

async fn enter(
    state: &ApiState,
    need: Need,
    request: &mut Request,
) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
    let credentials = credentials::take(request.headers_mut());
    if need == Need::Nothing {
        return Ok(None);
    }
    let access = identify(state, credentials, request)?;
    let place = match access.key() {
        Some(key) => state.throttle().enter(key)?,
        None => None,
    };
    if let Need::Scope(scope, pipeline) = need {
        access.check_scope(scope)?;
        if let (PipelineIn::Path(parameter), Some(_)) = (pipeline, access.pipelines()) {
            let parameters: RawPathParams = request
                .extract_parts()
                .await
                .map_err(|_| ApiError::path_not_utf8())?;
            let name = parameters
                .iter()
                .find(|(name, _)| *name == parameter)
                .map(|(_, value)| value);
            access.check_pipeline(name.unwrap_or_default())?;
        }
    }
    if let Some(trace) = request_id::trace_of(request.extensions()) {
        trace.set_client(access.name());
    }
    tracing::debug!(actor = access.actor(), "let in");
    request.extensions_mut().insert(access);
    Ok(place)
}

fn identify(
    state: &ApiState,
    credentials: Credentials,
    request: &mut Request,
) -> Result<Access, ApiError> {
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let origin = forwarded::origin(request.headers(), peer, &state.config().trusted_proxies);
    let (address, is_local) = (origin.address, origin.is_local);
    request.extensions_mut().insert(origin);
    let (keys, config) = (&state.services().keys, state.config());
    let credentials = match credentials {
        // Clients of OpenAI's API always send a key. While this server has no keys, one that is
        // not ours counts as none.
        Credentials::Key(key)
            if config.access.open && !key.starts_with(PREFIX) && keys.is_empty() =>
        {
            Credentials::Missing
        }
        Credentials::Invalid if config.access.open && keys.is_empty() => Credentials::Missing,
        credentials => credentials,
    };
    match credentials {
        // Only this machine gets in without a key, and a proxy on it speaks for others.
        Credentials::Missing if config.access.open && config.access.is_loopback && !is_local => {
            state.throttle().fail(address)?;
            return Err(ApiError::not_local());
        }
        Credentials::Missing if config.access.open => {
            browser::check(request.headers(), config)?;
            state.throttle().enter_anonymous(address)?;
            return Ok(Access::open(config.access.is_loopback));
        }
        Credentials::Key(key) => {
            if let Some(key) = keys.verify(&key) {
                return Ok(Access::of_key(key));
            }
        }
        Credentials::Missing | Credentials::Invalid => {}
    }
    state.throttle().fail(address)?;
    Err(ApiError::invalid_key())
}
