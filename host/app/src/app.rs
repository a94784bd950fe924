//! Puts the parts together, serves, and takes them apart in order.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use host_api::server;
use host_api::state::ApiState;
use host_runtime::runtime::Runtime;
use host_services::llm::router::Llm;
use host_types::id::PipelineName;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::shutdown::Signals;

/// A server that has its address, its data folder and its signals, and is about to serve.
pub struct App {
    listener: TcpListener,
    signals: Signals,
    runtime: Runtime,
    state: ApiState,
    drain_deadline: Duration,
    example: Option<String>,
    _data_dir: DataDir,
}

impl App {
    /// Takes the data folder and the address, then starts the runtime; plugins load in the background. Needs a tokio runtime.
    ///
    /// # Errors
    /// Whichever of them is not to be had, with the cure.
    pub async fn start(config: Config) -> anyhow::Result<App> {
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let signals = Signals::catch().context("the signals to stop on cannot be caught")?;
        let data_dir = DataDir::lock(&config.data_dir)?;
        let listener = bind(config.address).await?;
        let example = first_pipeline(&config.runtime.plugins_dir);
        let llm = Llm::new(config.llm).context("the models cannot be set up")?;
        let runtime = Runtime::start(&config.runtime, llm.clone()).context("the runtime cannot be started")?;
        let state = ApiState::new(runtime.clone(), config.api, llm);
        Ok(App { listener, signals, runtime, state, drain_deadline: config.drain_deadline, example, _data_dir: data_dir })
    }

    /// The address it got.
    ///
    /// # Errors
    /// The operating system does not know it.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.listener.local_addr().context("the address cannot be read")
    }

    /// A pipeline to try, of those whose files lay there at the start.
    pub fn example(&self) -> Option<&str> {
        self.example.as_deref()
    }

    /// Serves until SIGTERM or SIGINT, then lets running answers end until the drain's deadline.
    ///
    /// # Errors
    /// Serving failed, or a second signal ended it at once.
    pub async fn serve(self) -> anyhow::Result<()> {
        let App { listener, mut signals, runtime, state, drain_deadline, .. } = self;
        let (stop, stopped) = oneshot::channel::<()>();
        let work = async {
            let told = async { stopped.await.unwrap_or(()) };
            let drained = server::serve(listener, state, told, drain_deadline).await.context("the server failed")?;
            tracing::info!(?drained, "stopped");
            anyhow::Ok(())
        };
        let told_twice = async {
            let first = signals.next().await;
            tracing::info!("{first}: no new connections; running answers have {drain_deadline:?}; a second signal ends them at once");
            runtime.shutdown();
            // The receiver is gone only when serving has failed, and then that failure is the news.
            let _ = stop.send(());
            signals.next().await
        };
        tokio::select! {
            done = work => done,
            second = told_twice => bail!("{second} came twice: running answers were cut"),
        }
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot serve on {address}")).map_err(|error| {
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let cure = match kind {
            Some(ErrorKind::AddrInUse) => "another program serves there: stop it, or choose another port with --port (0 takes a free one)",
            Some(ErrorKind::PermissionDenied) => "this user may not take that port: choose one above 1023 with --port",
            Some(ErrorKind::AddrNotAvailable) => "this machine has no such address: choose another with --host",
            _ => return error,
        };
        anyhow::anyhow!("cannot serve on {address}: {cure}")
    })
}

fn first_pipeline(plugins_dir: &Path) -> Option<String> {
    let files = std::fs::read_dir(plugins_dir).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    files.filter_map(|file| PipelineName::parse(file.strip_suffix(".wasm")?).ok()).min().map(|name| name.to_string())
}
