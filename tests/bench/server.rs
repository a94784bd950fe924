//! The two servers under load, each a process that ends with this one.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load::ask_once;
use crate::native;

const GUEST: &str = "echo-relay";
/// A cold compilation, on a slow machine.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server {
    pub address: String,
    process: Child,
    folder: Option<PathBuf>,
}

impl Server {
    /// This program again, as the native handler.
    pub async fn native() -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(native::ARGUMENT);
        Server::start(command, None).await
    }

    /// Hayrick with the echo guest.
    pub async fn hayrick() -> Server {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
        let plugins = folder.join("plugins");
        std::fs::create_dir_all(&plugins).unwrap();
        let guest = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("target/guests/components/{GUEST}.wasm"));
        assert!(
            guest.is_file(),
            "the guest {GUEST} is not built: run `sh tests/guests/build.sh`"
        );
        std::fs::copy(guest, plugins.join(format!("{GUEST}.wasm"))).unwrap();
        std::fs::write(folder.join("hayrick.toml"), "").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hayrick"));
        command
            .args(["serve", "--port", "0", "--log", "warn", "--plugins-dir"])
            .arg(plugins);
        command
            .arg("--data-dir")
            .arg(folder.join("data"))
            .arg("--config")
            .arg(folder.join("hayrick.toml"));
        for name in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"] {
            command.env_remove(name);
        }
        Server::start(command, Some(folder)).await
    }

    async fn start(mut command: Command, folder: Option<PathBuf>) -> Server {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Some((_, address)) = line.trim_end().rsplit_once("http://") else {
            panic!("the server did not start: {line:?}")
        };
        let server = Server {
            address: address.to_owned(),
            process,
            folder,
        };
        server.is_ready().await;
        server
    }

    async fn is_ready(&self) {
        let start = Instant::now();
        let body = format!(
            r#"{{"model": "{GUEST}", "messages": [{{"role": "user", "content": "echo:ready"}}]}}"#
        );
        while ask_once(&self.address, &body).await != 200 {
            assert!(
                start.elapsed() < START_DEADLINE,
                "{} does not answer",
                self.address
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and its files are not needed.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
