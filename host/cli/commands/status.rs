//! `hayrick status`: asks a running server over HTTP, as any client would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use host_app::config::server_address;
use host_app::environment::Environment;
use host_app::settings::Settings;
use serde_json::Value;

use crate::args::{EXIT_PIPELINE, StatusArgs};
use crate::output::{complain, harmless, print, table};

const TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// Enough of a digest to tell versions apart.
const DIGEST_SHORT: usize = 12;

/// Prints the pipelines, or the one that was named.
///
/// # Errors
/// No server answers there, or something that is no Hayrick does.
pub fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let address = server_address(Settings::read(args.address.into(), Environment::of_process())?)?;
    let status = ask(address)?;
    let pipelines = status.get("pipelines").and_then(Value::as_array).context("the answer of /status is not Hayrick's")?;
    let Some(name) = args.name else {
        print(&if args.json { format!("{status:#}") } else { show(pipelines) })?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(pipeline) = pipelines.iter().find(|pipeline| word(pipeline, "/name") == name) else {
        complain(&format!("hayrick: {address} has no pipeline '{}'", harmless(&name)));
        return Ok(ExitCode::from(EXIT_PIPELINE));
    };
    print(&if args.json { format!("{pipeline:#}") } else { show(std::slice::from_ref(pipeline)) })?;
    Ok(if word(pipeline, "/state") == "failed" { ExitCode::from(EXIT_PIPELINE) } else { ExitCode::SUCCESS })
}

fn show(pipelines: &[Value]) -> String {
    let rows: Vec<_> = pipelines.iter().map(row).collect();
    table(["NAME", "STATE", "VERSION", "GENERATION", "RUNS", "LAST ERROR"], &rows)
}

fn row(pipeline: &Value) -> [String; 6] {
    let digest = word(pipeline, "/version/digest").chars().take(DIGEST_SHORT).collect();
    let cells = ["/name", "/state", "", "/version/generation", "/total_runs", "/last_error/reason"].map(|path| word(pipeline, path));
    let [name, state, _, generation, runs, reason] = cells;
    [name, state, digest, generation, runs, reason]
}

/// The text or number at `path`, `-` when there is none.
fn word(value: &Value, path: &str) -> String {
    match value.pointer(path) {
        Some(Value::String(text)) => harmless(text),
        Some(Value::Number(number)) => number.to_string(),
        _ => "-".to_owned(),
    }
}

/// `GET /status` in HTTP/1.0, whose answers end with the connection: nothing to decode but a blank line.
fn ask(address: SocketAddr) -> anyhow::Result<Value> {
    let answer = exchange(address).with_context(|| {
        format!("no Hayrick answers on http://{address}: start one with `hayrick serve`, or name another with --host and --port")
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer of /status is no HTTP")?;
    let line = head.lines().next().unwrap_or_default();
    if line.split(' ').nth(1) != Some("200") {
        bail!("http://{address}/status answers '{}': is that a Hayrick?", harmless(line));
    }
    serde_json::from_str(body).with_context(|| format!("http://{address}/status answers no JSON: is that a Hayrick?"))
}

fn exchange(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("GET /status HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}
