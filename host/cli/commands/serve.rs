//! `hayrick serve`.

use std::io::{IsTerminal, stdout};
use std::net::SocketAddr;
use std::num::NonZero;
use std::process::ExitCode;
use std::thread::available_parallelism;

use hayrick_app::app::App;
use hayrick_app::settings::config::Config;
use hayrick_app::settings::environment::Environment;
use hayrick_app::settings::sources::Sources;
use hayrick_app::telemetry::{LogFormat, Logging, start_logging};

use crate::args::ServeArgs;
use crate::output::print;

/// Serves until a signal ends the server.
///
/// # Errors
/// The settings have mistakes, an address or a folder cannot be used, or the server failed.
pub fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let environment = Environment::of_process();
    let format = if args.log_format.as_deref() == Some("json") {
        LogFormat::Json
    } else {
        LogFormat::Text
    };
    let logging = start_logging(args.log.as_deref(), format, &environment)?;
    let config = Config::resolve(Sources::read(args.settings.into(), environment)?)?;

    let threads = available_parallelism().map_or(1, NonZero::get);
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?;
    let result = tokio.block_on(serve(config, &logging));
    // A running compilation must not delay the end of the process.
    tokio.shutdown_background();
    result.map(|()| ExitCode::SUCCESS)
}

async fn serve(config: Config, logging: &Logging) -> anyhow::Result<()> {
    let app = App::start(config).await?;
    app.watch_log(logging);
    let address = app.address()?;
    print(&format!("Hayrick is listening on http://{address}"))?;
    if stdout().is_terminal() {
        print(&hint(address, app.example()))?;
    }
    app.serve().await
}

fn hint(address: SocketAddr, example: Option<&str>) -> String {
    let Some(pipeline) = example else {
        return "There is no pipeline yet: copy a .wasm file into the plugins folder.".to_owned();
    };
    let body = format!(
        r#"{{"model": "{pipeline}", "stream": true, "messages": [{{"role": "user", "content": "Hello"}}]}}"#
    );
    format!(
        "Try:\n  curl -N http://{address}/v1/chat/completions -H 'Content-Type: application/json' \
         -d '{body}'"
    )
}
