//! Writes what a request has changed to the audit log.

use axum::extract::rejection::ExtensionRejection;
use axum::extract::{Extension, FromRequestParts};
use axum::http::request::Parts;
use hayrick_services::audit::{Action, Audit, AuditRecord};
use hayrick_types::id::RunId;

use crate::edge::request_id::REQUEST_ID;
use crate::error::ApiError;
use crate::gate::access::Access;
use crate::state::ApiState;

/// Records the changes of one request.
pub(crate) struct Auditor {
    audit: Audit,
    access: Access,
    /// The id of the request. One that the client chose begins with `client:`.
    request: Option<String>,
}

impl FromRequestParts<ApiState> for Auditor {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &ApiState,
    ) -> Result<Auditor, ExtensionRejection> {
        let Extension(access) = Extension::<Access>::from_request_parts(parts, state).await?;
        let Extension(run) = Extension::<RunId>::from_request_parts(parts, state).await?;
        let id = parts.headers.get(REQUEST_ID);
        let request = id.and_then(|id| id.to_str().ok()).map(|id| {
            if id == run.to_string() {
                id.to_owned()
            } else {
                format!("client:{id}")
            }
        });
        Ok(Auditor {
            audit: state.services().audit.clone(),
            access,
            request,
        })
    }
}

impl Auditor {
    /// The client that sent the request.
    pub(crate) fn actor(&self) -> &str {
        self.access.actor()
    }

    /// Records a change. One that cannot be recorded is not acknowledged.
    ///
    /// # Errors
    /// The audit log cannot be written.
    pub(crate) async fn record(
        self,
        action: Action,
        subject: &str,
        outcome: &str,
    ) -> Result<(), ApiError> {
        let record = AuditRecord {
            actor: self.actor().to_owned(),
            action,
            subject: subject.to_owned(),
            outcome: outcome.to_owned(),
            request: self.request,
        };
        self.audit.record(record).await.map_err(|error| {
            tracing::error!(%error, "the audit log cannot be written");
            ApiError::not_recorded()
        })
    }
}
