//! Connections: how many there are, how each is served, and how they end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hayrick_services::metrics::Metrics;
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::server::ServerSettings;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tower_service::Service;

use crate::body::guarded::GuardedBody;
use crate::edge::answer::Answer;
use crate::edge::client_socket::ClientSocket;
use crate::edge::head_meter::HeadMeter;
use crate::edge::idle::IdleList;
use crate::edge::path;
use crate::edge::peers::{CountedPeer, Peer, Peers};
use crate::edge::turn_away::turn_away;

/// The smallest buffer that hyper accepts.
const HEADER_BYTES_MIN: usize = 8 << 10;
/// The pause before the next try if accepting fails, as when open files run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection that should close may still write.
const CLOSE_PAUSE: Duration = Duration::from_millis(100);

/// The connections of one server. Dropping it cuts them.
pub(crate) struct Connections {
    routes: Router,
    http: http1::Builder,
    header_bytes_max: usize,
    write_stall_timeout: Duration,
    address_connections_max: usize,
    places: Arc<Semaphore>,
    idle: Arc<IdleList>,
    peers: Arc<Peers>,
    metrics: Metrics,
    tasks: JoinSet<()>,
    draining: watch::Sender<bool>,
}

impl Connections {
    /// Starts without connections.
    pub(crate) fn new(routes: Router, config: &ServerSettings, metrics: Metrics) -> Connections {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new());
        http.header_read_timeout(config.header_read_timeout);
        http.max_headers(config.headers_max);
        let header_bytes_max = config.header_bytes_max.max(HEADER_BYTES_MIN);
        http.max_buf_size(header_bytes_max);
        Connections {
            routes,
            http,
            header_bytes_max,
            write_stall_timeout: config.write_stall_timeout,
            address_connections_max: config.address_connections_max,
            idle: Arc::new(IdleList::new()),
            peers: Arc::default(),
            places: Arc::new(Semaphore::new(
                config.connections_max.min(Semaphore::MAX_PERMITS),
            )),
            metrics,
            tasks: JoinSet::new(),
            draining: watch::Sender::new(false),
        }
    }

    /// Accepts connections until `shutdown`.
    ///
    /// # Errors
    /// The socket is broken.
    pub(crate) async fn accept(
        &mut self,
        listener: &TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let mut shutdown = pin!(shutdown);
        loop {
            let (socket, peer, permit) = {
                // One future until it has a connection: begun anew when a task ends, it would close
                // a second connection for the same place.
                let mut next = pin!(next_connection(
                    listener,
                    &self.places,
                    &self.idle,
                    &self.metrics
                ));
                loop {
                    tokio::select! {
                        () = &mut shutdown => return Ok(()),
                        Some(ended) = self.tasks.join_next() => log_panic(ended),
                        next = &mut next => break next?,
                    }
                }
            };
            match self.peers.enter(peer.ip(), self.address_connections_max) {
                Some(_counted) => self.begin(socket, peer, Place { permit, _counted }),
                None => {
                    self.metrics.reached(LimitName::AddressConnectionsMax);
                    tracing::debug!(%peer, "a connection is closed: its address has reached \
                        address_connections_max");
                }
            }
        }
    }

    /// Lets responses end for up to `deadline`, then cuts the rest and returns their number. New
    /// connections are told so meanwhile.
    pub(crate) async fn drain(&mut self, listener: &TcpListener, deadline: Duration) -> usize {
        self.draining.send_replace(true);
        let turned_away = turn_away(listener, self.routes.clone());
        let all_ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                log_panic(ended);
            }
        };
        // After a timeout, the connections that are left are counted.
        let _ = timeout(deadline, async {
            tokio::select! {
                () = all_ended => {}
                () = turned_away => {}
            }
        })
        .await;
        let cut = self.tasks.len();
        self.tasks.shutdown().await;
        cut
    }

    fn begin(&mut self, socket: TcpStream, peer: SocketAddr, place: Place) {
        // Small writes must not wait for more. If this fails, the connection still works.
        let _ = socket.set_nodelay(true);
        let meter = HeadMeter::default();
        let answer = Answer::default();
        let socket = ClientSocket::new(
            socket,
            answer.clone(),
            meter.clone(),
            self.write_stall_timeout,
        );
        let (metrics, header_bytes_max) = (self.metrics.clone(), self.header_bytes_max);
        let listed = Arc::new(self.idle.enter());
        let (of_answers, in_service) = (meter.clone(), Arc::clone(&listed));
        let routes = self.routes.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let busy = (
                in_service.busy(),
                of_answers.answering(),
                answer.begin(request.version()),
            );
            path::tidy_request(&mut request);
            request.extensions_mut().insert(Peer(peer));
            let response = routes.clone().call(request);
            async move {
                response
                    .await
                    .map(|response| response.map(|body| GuardedBody::new(body, busy)))
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(socket), service);
        let (open, mut draining) = (self.metrics.connected(), self.draining.subscribe());
        // The guard that `wait_for` returns locks the channel, so it must not live on.
        let drain = async move { draining.wait_for(|&draining| draining).await.is_ok() };
        self.tasks.spawn(async move {
            let (Place { permit, _counted }, _open) = (place, open);
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                _ = drain => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = listed.should_close() => {
                    // Whoever waits for the place does not wait for the last bytes of this one.
                    drop(permit);
                    if listed.has_served_nothing() {
                        return;
                    }
                    connection.as_mut().graceful_shutdown();
                    match timeout(CLOSE_PAUSE, connection.as_mut()).await {
                        Ok(ended) => ended,
                        // Its next request came just now.
                        Err(_) if listed.is_busy() => connection.await,
                        Err(_) => return,
                    }
                }
            };
            if let Err(error) = ended {
                if let Some(limit) = meter.limit_of(&error, header_bytes_max) {
                    metrics.reached(limit);
                }
                tracing::debug!(%peer, %error, "a connection broke off");
            }
        });
    }
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task panicked");
    }
}

/// The place of a connection in each count.
struct Place {
    permit: OwnedSemaphorePermit,
    _counted: CountedPeer,
}

/// Waits for a place first, so that further connections stay in the queue of the operating system;
/// an idle connection is closed for its place.
async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    idle: &IdleList,
    metrics: &Metrics,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    if places.available_permits() == 0 {
        metrics.reached(LimitName::ConnectionsMax);
    }
    let place = loop {
        tokio::select! {
            biased;
            place = Arc::clone(places).acquire_owned() => break place,
            // One at a time: a connection that was told to close gets a moment to give its place
            // up before the next one is.
            () = async { idle.close_longest().await; sleep(CLOSE_PAUSE).await } => {}
        }
    };
    // Last, and in one step: this future may be dropped where it waits, and an accepted connection
    // must not be lost.
    let (socket, peer) = accept(listener, idle).await?;
    place
        .map(|place| (socket, peer, place))
        .map_err(io::Error::other)
}

async fn accept(listener: &TcpListener, idle: &IdleList) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept().await {
            // The client left before it was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            // The socket does not listen, and never will.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection: raise the limit of open \
                    files, or lower connections_max");
                // If open files ran out, this frees one.
                idle.try_close_longest();
                sleep(ACCEPT_PAUSE).await;
            }
            accepted => return accepted,
        }
    }
}
