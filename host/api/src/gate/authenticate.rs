//! The gate of every route: who asks, whether that one may, and how often.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::RequestExt;
use axum::body::Body;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hayrick_services::keys::token::PREFIX;
use tokio::sync::OwnedSemaphorePermit;

use crate::body::held::Held;
use crate::error::ApiError;
use crate::gate::access::Access;
use crate::gate::browser;
use crate::gate::credentials::{self, Shown};
use crate::gate::need::{self, Named, Need};
use crate::state::ApiState;

/// Where a request comes from, among its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Lets a request through with its [`Access`], or refuses it.
pub(crate) async fn guard(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(MatchedPath::as_str);
    let need = scopes::need(request.method().as_str(), path);
    match enter(&state, need, &mut request).await {
        Err(error) => error.into_response(),
        Ok(None) => next.run(request).await,
        // The place is the key's until the answer has ended, which for a stream is long after its
        // head.
        Ok(Some(place)) => next
            .run(request)
            .await
            .map(|body| Body::new(Held::new(body, place))),
    }
}

async fn enter(
    state: &ApiState,
    need: Need,
    request: &mut Request,
) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
    let shown = credentials::take(request.headers_mut());
    if need == Need::Nothing {
        return Ok(None);
    }
    let access = identify(state, shown, request)?;
    let place = match access.key() {
        Some(key) => state.throttle().enter(key)?,
        None => None,
    };
    if let Need::Scope(scope, named) = need {
        access.check_scope(scope)?;
        if let (Named::Path(parameter), Some(_)) = (named, access.pipelines()) {
            let parameters: RawPathParams = request
                .extract_parts()
                .await
                .map_err(|_| ApiError::no_text())?;
            let name = parameters
                .iter()
                .find(|(name, _)| *name == parameter)
                .map(|(_, value)| value);
            access.check_pipeline(name.unwrap_or_default())?;
        }
    }
    tracing::debug!(actor = access.actor(), "let in");
    request.extensions_mut().insert(access);
    Ok(place)
}

fn identify(state: &ApiState, shown: Shown, request: &Request) -> Result<Access, ApiError> {
    let address = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let (keys, config) = (&state.services().keys, state.config());
    let shown = match shown {
        // Clients of OpenAI's API always send something. Where there never was a key, what is none
        // of ours says nothing.
        Shown::Key(key) if config.access.open && !key.starts_with(PREFIX) && keys.is_empty() => {
            Shown::Nothing
        }
        shown => shown,
    };
    match shown {
        Shown::Nothing if config.access.open => {
            browser::check(request.headers(), config)?;
            state.throttle().enter_anonymous(address)?;
            return Ok(Access::open(config.access.is_loopback));
        }
        Shown::Key(key) => {
            if let Some(key) = keys.verify(&key) {
                return Ok(Access::of_key(key));
            }
        }
        Shown::Nothing | Shown::Wrong => {}
    }
    state.throttle().fail(address)?;
    Err(ApiError::no_key())
}
