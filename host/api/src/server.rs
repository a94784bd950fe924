//! Serves until it is told to stop, then lets running answers end.

use std::io;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::connection::Connections;
use crate::router::router;
use crate::state::ApiState;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections whose answer was not at its end when the deadline came.
    pub cut: usize,
}

/// The server cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the listening socket is broken")]
    Accept(#[source] io::Error),
}

/// Serves until `shutdown`, then takes no more connections, lets answers end for up to
/// `drain_deadline`, and cuts the rest. Dropping the future cuts everything at once. Needs a tokio
/// runtime with I/O and time.
///
/// # Errors
/// The listening socket broke; then, too, answers were let end.
pub async fn serve(
    listener: TcpListener,
    state: ApiState,
    shutdown: impl Future<Output = ()>,
    drain_deadline: Duration,
) -> Result<Drained, ServeError> {
    let mut connections = Connections::new(
        router(state.clone()),
        state.settings(),
        state.services().metrics.clone(),
    );
    let stopped = connections.accept(listener, shutdown).await;
    state.start_draining();
    let cut = connections.drain(drain_deadline).await;
    stopped
        .map(|()| Drained { cut })
        .map_err(ServeError::Accept)
}
