//! Writes what a request has changed to the audit log.

use axum::http::HeaderMap;
use hayrick_services::audit::{Action, AuditRecord};
use hayrick_types::id::RunId;

use crate::edge::request_id::REQUEST_ID;
use crate::error::ApiError;
use crate::gate::access::Access;
use crate::state::ApiState;

/// Writes the audit log. A change that cannot be recorded is not acknowledged.
pub(crate) async fn record(
    state: &ApiState,
    access: &Access,
    (headers, run): (&HeaderMap, RunId),
    action: Action,
    name: &str,
    outcome: &str,
) -> Result<(), ApiError> {
    let request = headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .map(|id| {
            if id == run.to_string() {
                id.to_owned()
            } else {
                format!("client:{id}")
            }
        });
    let (actor, subject, outcome) = (
        access.actor().to_owned(),
        name.to_owned(),
        outcome.to_owned(),
    );
    let recorded = state
        .services()
        .audit
        .record(AuditRecord {
            actor,
            action,
            subject,
            outcome,
            request,
        })
        .await;
    recorded.map_err(|error| {
        tracing::error!(%error, "the audit log cannot be written");
        ApiError::not_recorded()
    })
}
