//! Serves until the shutdown, then lets running responses end.

use std::io;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::edge::connection::Connections;
use crate::openapi::document::DocumentError;
use crate::routes::router::router;
use crate::state::ApiState;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections whose response had not ended at the deadline.
    pub cut: usize,
}

/// The server cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the listening socket is broken")]
    Accept(#[source] io::Error),
    #[error("the routes and their descriptions disagree")]
    Routes(#[from] DocumentError),
}

/// Serves until `shutdown`, then lets responses end for up to `drain_deadline`, tells new clients to
/// come back later, and cuts the rest. Dropping the future cuts everything at once. Needs a tokio
/// runtime with I/O and time.
///
/// # Errors
/// The table of routes is not described as it should be, or the listening socket broke; responses
/// may end in that case too.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    shutdown: impl Future<Output = ()>,
    drain_deadline: Duration,
) -> Result<Drained, ServeError> {
    let mut connections = Connections::new(
        router(state.clone())?,
        state.settings(),
        state.services().metrics.clone(),
    );
    let stopped = connections.accept(&listener, shutdown).await;
    state.start_draining();
    let cut = connections.drain(&listener, drain_deadline).await;
    stopped
        .map(|()| Drained { cut })
        .map_err(ServeError::Accept)
}
