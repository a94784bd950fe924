//! Builds the program with optimisation, and starts it with the low limits of the corpus.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SETTINGS: &str = "tests/hostile/hayrick.toml";
const GREETING: &str = "Hayrick is listening on ";

/// A server that lives as long as this value, with folders of its own.
pub struct Server {
    pub url: String,
    pub pid: Option<u32>,
    _child: Child,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Builds the guests and the program, and starts it.
    ///
    /// # Errors
    /// Something cannot be built, or the server does not start.
    pub async fn start() -> Result<Server, String> {
        build("sh", &["tests/guests/build.sh"]).await?;
        let bin = ["build", "--release", "--locked", "--bin", "hayrick"];
        build(env!("CARGO"), &bin).await?;
        let folder = tempfile::tempdir().map_err(|error| format!("no folder: {error}"))?;
        let mut child = command(folder.path())
            .spawn()
            .map_err(|error| format!("cannot start the server: {error}"))?;
        let pid = child.id();
        let url = match child.stdout.take() {
            Some(stdout) => greeting(BufReader::new(stdout)).await?,
            None => return Err("the server has no output".to_owned()),
        };
        Ok(Server {
            url,
            pid,
            _child: child,
            _folder: folder,
        })
    }
}

/// Waits for the line with the server's address.
async fn greeting(output: impl tokio::io::AsyncBufRead + Unpin) -> Result<String, String> {
    let mut lines = output.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, url)) = line.split_once(GREETING) {
            return Ok(url.trim().to_owned());
        }
    }
    Err("the server ended before it listened: run `hayrick serve` to see why".to_owned())
}

fn command(folder: &Path) -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| Path::new(ROOT).join("target"), PathBuf::from);
    let mut command = Command::new(target.join("release/hayrick"));
    command
        .args(["serve", "--host", "127.0.0.1", "--port", "0"])
        .arg("--config")
        .arg(Path::new(ROOT).join(SETTINGS))
        .arg("--plugins-dir")
        .arg(folder.join("plugins"))
        .arg("--data-dir")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn build(program: &str, arguments: &[&str]) -> Result<(), String> {
    let built = Command::new(program)
        .args(arguments)
        .current_dir(ROOT)
        .status()
        .await;
    match built {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} {}: {status}", arguments.join(" "))),
        Err(error) => Err(format!("cannot run {program}: {error}")),
    }
}
