//! Starts a host repeatedly with the same folders, and can kill it like a crash would.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Instant;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::await_event::{SOON, within};
use super::command::clean;
use super::folder::Folder;
use super::logs::Logs;
use super::quiet::Machine;

const GREETING: &str = "Hayrick is listening on http://";

/// The configuration and folders of a host. The folders exist as long as this value.
pub struct Launch {
    pub folder: Folder,
    pub data_dir: PathBuf,
    /// The address it listens on.
    pub listen: String,
    pub variables: Vec<(String, String)>,
    /// Whether the mode of a file holds for it, as for an ordinary user.
    pub obeys_modes: bool,
    pub machine: Machine,
}

/// A host process from its start. When this is dropped, it is killed and has ended: whoever has the
/// machine next shares nothing with it.
pub struct Process {
    pub logs: Logs,
    pub began: Instant,
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Launch {
    /// Starts the process without waiting.
    pub fn begin(&self) -> Process {
        let mut command = clean(self.program());
        command.args(["serve", "--host", &self.listen, "--port", "0"]);
        command
            .arg("--plugins-dir")
            .arg(self.folder.path().join("plugins"));
        command.arg("--data-dir").arg(&self.data_dir);
        command
            .arg("--config")
            .arg(self.folder.path().join("hayrick.toml"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let logs = Logs::gather(child.stderr.take().unwrap());
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Process {
            logs,
            began,
            child,
            stdout,
        }
    }
}

impl Launch {
    fn program(&self) -> Command {
        let hayrick = env!("CARGO_BIN_EXE_hayrick");
        if !(self.obeys_modes && rustix::process::geteuid().is_root()) {
            return Command::new(hayrick);
        }
        // Root may read any file, unless these are dropped.
        let without = "-dac_override,-dac_read_search";
        let mut command = Command::new("setpriv");
        command.args(["--inh-caps", without, "--bounding-set", without, hayrick]);
        command
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_soon();
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // Its status is left for whoever collects it. If this fails, it has ended before.
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _ = waitid(WaitId::Pid(pid), ended);
        }
    }
}

impl Process {
    /// Waits until it is serving, and returns its address.
    ///
    /// # Panics
    /// It ends first.
    pub async fn address(&mut self) -> String {
        let greeting = within("the host's greeting", SOON, self.stdout.next_line())
            .await
            .unwrap();
        let Some(greeting) = greeting else {
            panic!("the host did not start:\n{}", self.logs.tail())
        };
        greeting
            .strip_prefix(GREETING)
            .unwrap_or_else(|| panic!("not the greeting: {greeting}"))
            .to_owned()
    }

    /// The process id.
    ///
    /// # Panics
    /// It has ended.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the host has ended")
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        within("the end of the host", SOON, self.child.wait())
            .await
            .unwrap()
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub async fn kill(&mut self) {
        within("the end of a killed host", SOON, self.child.kill())
            .await
            .unwrap();
    }

    /// Kills it without waiting; it may have ended already.
    pub fn kill_soon(&mut self) {
        let _ = self.child.start_kill();
    }
}
