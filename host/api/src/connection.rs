//! Connections: how many, how each is served, and how they end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use host_services::metrics::Metrics;
use host_types::limit_name::LimitName;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use crate::config::ApiConfig;
use crate::linger::Linger;
use crate::write_stall::WriteStall;

/// hyper takes no smaller buffer.
const HEADER_BYTES_MIN: usize = 8 << 10;
/// Before the next try when the operating system has no connection to give, as when files run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The connections of one server. Dropping it cuts them.
pub(crate) struct Connections {
    routes: Router,
    http: http1::Builder,
    write_stall_timeout: Duration,
    places: Arc<Semaphore>,
    metrics: Metrics,
    tasks: JoinSet<()>,
    draining: watch::Sender<bool>,
}

impl Connections {
    /// No connections yet.
    pub(crate) fn new(routes: Router, config: &ApiConfig, metrics: Metrics) -> Connections {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new());
        http.header_read_timeout(config.header_read_timeout);
        http.max_buf_size(config.header_bytes_max.max(HEADER_BYTES_MIN));
        Connections {
            routes,
            http,
            write_stall_timeout: config.write_stall_timeout,
            places: Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS))),
            metrics,
            tasks: JoinSet::new(),
            draining: watch::Sender::new(false),
        }
    }

    /// Takes connections until `shutdown`; the address is free again when this returns.
    ///
    /// # Errors
    /// The socket is broken.
    pub(crate) async fn accept(&mut self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                Some(ended) = self.tasks.join_next() => tell_panic(ended),
                next = next_connection(&listener, &self.places, &self.metrics) => {
                    let (socket, peer, place) = next?;
                    self.begin(socket, peer, place);
                }
            }
        }
    }

    /// Lets answers end for up to `deadline`, then cuts the rest; tells how many.
    pub(crate) async fn drain(&mut self, deadline: Duration) -> usize {
        self.draining.send_replace(true);
        let all_ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                tell_panic(ended);
            }
        };
        // On time there is none left to count.
        let _ = tokio::time::timeout(deadline, all_ended).await;
        let cut = self.tasks.len();
        self.tasks.shutdown().await;
        cut
    }

    fn begin(&mut self, socket: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        // A token that waits for the next one is late; without it the connection works all the same.
        let _ = socket.set_nodelay(true);
        let socket = Linger::new(WriteStall::new(socket, self.write_stall_timeout));
        let connection = self.http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(self.routes.clone()));
        let counted = self.metrics.connected();
        let mut draining = self.draining.subscribe();
        // The guard that `wait_for` gives must not live on: it locks the channel.
        let drain = async move { draining.wait_for(|&draining| draining).await.is_ok() };
        self.tasks.spawn(async move {
            let (_place, _counted) = (place, counted);
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                _ = drain => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a connection broke off");
            }
        });
    }
}

fn tell_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task panicked");
    }
}

/// Waits for a place first, so that those for whom there is none stay in the operating system's queue.
async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    metrics: &Metrics,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    if places.available_permits() == 0 {
        metrics.reached(LimitName::ConnectionsMax);
    }
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => return Ok((socket, peer, place)),
            // The client left before its turn came.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {}
            // It does not listen, and never will.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted: raise the limit of open files, or lower connections_max");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
