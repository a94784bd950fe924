//! Starts the parts of the program, serves, and shuts them down in order.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use hayrick_api::edge::server;
use hayrick_api::state::{ApiServices, ApiState};
use hayrick_runtime::runtime::Runtime;
use hayrick_services::audit::Audit;
use hayrick_services::budgets::Budgets;
use hayrick_services::database::Database;
use hayrick_services::keys::ring::KeyRing;
use hayrick_services::metrics::Metrics;
use hayrick_services::tasks::Tasks;
use hayrick_types::clock;
use hayrick_types::id::PipelineName;
use hayrick_worker::worker::Worker;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::data_dir::DataDir;
use crate::open_files;
use crate::services;
use crate::settings::config::Config;
use crate::shutdown::Signals;
use crate::telemetry::Logging;

/// A server that has bound its address, locked its data folder and installed its signal handlers,
/// but does not serve yet.
pub struct App {
    listener: TcpListener,
    signals: Signals,
    runtime: Runtime,
    state: ApiState,
    worker: Worker,
    tasks: Tasks,
    budgets: Budgets,
    keys: KeyRing,
    database: Database,
    metrics: Metrics,
    drain_deadline: Duration,
    example: Option<String>,
    _flushing: [AbortOnDropHandle<()>; 3],
    _data_dir: DataDir,
}

impl App {
    /// Locks the data folder, binds the address, then starts the runtime; plugins load in the
    /// background. Needs a tokio runtime.
    ///
    /// # Errors
    /// One of these steps fails; the message names the cure.
    pub async fn start(config: Config) -> anyhow::Result<App> {
        let open_files = open_files::raise(config.api.server.connections_max);
        for warning in config.warnings.iter().chain(&open_files) {
            tracing::warn!("{warning}");
        }
        let signals = Signals::catch().context("cannot install the handlers of stop signals")?;
        let data_dir = DataDir::lock(&config.data_dir).await?;
        let keys = KeyRing::open(&config.data_dir, clock::system())?;
        let audit = Audit::new(&config.data_dir, clock::system());
        let listener = bind(config.address)?;
        let example = first_pipeline(&config.runtime.plugins_dir);
        let (services, spool, database) = services::open(&config, &config.data_dir).await?;
        let runtime = Runtime::start(&config.runtime, services.clone(), audit.clone())
            .context("cannot start the runtime")?;
        let jobs = services.jobs.clone();
        let worker = Worker::start(jobs, services.state.clone(), runtime.clone(), config.worker)
            .await
            .context("cannot recover the jobs of the previous process")?;
        let (tasks, budgets) = (services.tasks.clone(), services.budgets.clone());
        let flushing = flush_loops(&tasks, &budgets, &keys);
        let metrics = services.metrics.clone();
        let for_api = ApiServices {
            llm: services.llm,
            jobs: services.jobs,
            tasks: services.tasks,
            state: services.state,
            spool,
            database: database.clone(),
            keys: keys.clone(),
            audit,
            metrics: services.metrics,
        };
        let drain_deadline = config.api.server.drain_deadline;
        let state = ApiState::new(runtime.clone(), config.api, for_api);
        Ok(App {
            listener,
            signals,
            runtime,
            state,
            worker,
            tasks,
            budgets,
            keys,
            database,
            metrics,
            drain_deadline,
            example,
            _flushing: flushing,
            _data_dir: data_dir,
        })
    }

    /// The address the server listens on.
    ///
    /// # Errors
    /// The operating system does not report it.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.listener
            .local_addr()
            .context("cannot read the address of the socket")
    }

    /// Shows in the metrics how many lines of the log were dropped.
    pub fn watch_log(&self, logging: &Logging) {
        self.metrics.count_dropped_log_lines(logging.dropped());
    }

    /// A pipeline to try, one of those whose files were present at the start.
    pub fn example(&self) -> Option<&str> {
        self.example.as_deref()
    }

    /// Serves until SIGTERM or SIGINT, then lets running answers finish until the drain deadline.
    ///
    /// # Errors
    /// Serving failed, or a second signal aborted it.
    pub async fn serve(self) -> anyhow::Result<()> {
        let App {
            listener,
            mut signals,
            runtime,
            state,
            worker,
            tasks,
            budgets,
            keys,
            database,
            drain_deadline,
            _flushing,
            _data_dir,
            ..
        } = self;
        let (stop, stopped) = watch::channel(false);
        let work = async {
            let serving = async {
                let drained =
                    server::serve(listener, state, stops(stopped.clone()), drain_deadline).await;
                // If the server fails, the worker stops too.
                stop.send_replace(true);
                drained
            };
            let (drained, ()) =
                tokio::join!(serving, worker.run(stops(stopped.clone()), drain_deadline));
            flush(&tasks, &budgets, &keys).await?;
            tokio::task::spawn_blocking(move || database.checkpoint_blocking())
                .await?
                .context("cannot checkpoint the store")?;
            tracing::info!(drained = ?drained.context("the server failed")?, "stopped");
            anyhow::Ok(())
        };
        let second_signal = async {
            let first = signals.next().await;
            tracing::info!(
                "{first}: accepting no new connections; running answers have {drain_deadline:?} \
                 to finish, a second signal aborts them"
            );
            runtime.shutdown();
            stop.send_replace(true);
            signals.next().await
        };
        tokio::select! {
            done = work => done,
            second = second_signal => bail!("second signal ({second}): aborted running answers"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the handles are kept, and end the tasks with the server"
)]
fn flush_loops(tasks: &Tasks, budgets: &Budgets, keys: &KeyRing) -> [AbortOnDropHandle<()>; 3] {
    [
        AbortOnDropHandle::new(tokio::spawn(tasks.clone().flush_loop())),
        AbortOnDropHandle::new(tokio::spawn(budgets.clone().flush_loop())),
        AbortOnDropHandle::new(tokio::spawn(keys.clone().flush_loop())),
    ]
}

/// Writes what is kept in memory for a moment.
async fn flush(tasks: &Tasks, budgets: &Budgets, keys: &KeyRing) -> anyhow::Result<()> {
    tasks
        .flush()
        .await
        .context("cannot write the last tasks to disk")?;
    budgets
        .flush()
        .await
        .context("cannot write today's token counts to disk")?;
    keys.flush();
    Ok(())
}

/// Returns once the server should stop.
async fn stops(mut stopped: watch::Receiver<bool>) {
    // Without a sender the server is ending anyway.
    let _ = stopped.wait_for(|&stopped| stopped).await;
}

/// Connections that wait to be accepted; the kernel takes as many as its `somaxconn` allows.
const BACKLOG: u32 = 65_535;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for connections of the previous process.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    listen(address).map_err(|error| {
        let cure = match error.kind() {
            ErrorKind::AddrInUse => {
                "the address is already in use: stop the other program, or choose another port \
                 with --port (0 picks a free one)"
            }
            ErrorKind::PermissionDenied => {
                "permission denied: choose a port above 1023 with --port"
            }
            ErrorKind::AddrNotAvailable => {
                "this machine does not have that address: choose another one with --host"
            }
            _ => return anyhow::Error::new(error).context(format!("cannot serve on {address}")),
        };
        anyhow::anyhow!("cannot serve on {address}: {cure}")
    })
}

fn first_pipeline(plugins_dir: &Path) -> Option<String> {
    let files = std::fs::read_dir(plugins_dir)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    files
        .filter_map(|file| PipelineName::parse(file.strip_suffix(".wasm")?).ok())
        .min()
        .map(|name| name.to_string())
}
