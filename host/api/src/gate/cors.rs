//! Which pages of other origins may read responses: none, unless the operator names them.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::edge::request_id::{REQUEST_ID, RUN_ID};

/// Lets pages of these origins, and no others, read responses. A page sends its key in a header, so
/// cookies and the like are never allowed, and a page without a key is an unknown client.
pub(crate) fn layer(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok())
        .collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        // Clients of OpenAI's API send many headers of their own; only the origin matters.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([REQUEST_ID, RUN_ID, RETRY_AFTER, WWW_AUTHENTICATE]);
    Some(layer)
}
