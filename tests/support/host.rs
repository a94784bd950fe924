//! A host in its own process, as an operator runs it.

use std::fs::{DirBuilder, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::await_event::{SOON, eventually};
use super::client::Client;
use super::command::{CommandOutput, hayrick};
use super::folder::Folder;
use super::guest::{guest, plugin};
use super::launch::{Launch, Process};
use super::logs::Logs;
use super::quiet::{Stopwatch, machine};
use super::report::say;

/// Long enough for a cold compilation of CPython at low priority on a slow machine; the same as the
/// host's limit.
const START_DEADLINE: Duration = Duration::from_secs(300);

/// The configuration of a host.
#[derive(Default)]
pub struct TestHostBuilder {
    plugins: Vec<(PathBuf, String)>,
    policies: Vec<(String, String)>,
    top: String,
    limits: String,
    config: String,
    variables: Vec<(String, String)>,
    data_dir: Option<PathBuf>,
    listen: Option<String>,
    is_cold: bool,
    is_alone: bool,
    obeys_modes: bool,
}

/// A running host. It is killed when this is dropped.
pub struct TestHost {
    pub client: Client,
    pub logs: Logs,
    process: Process,
    address: String,
    launch: Arc<Launch>,
}

impl TestHostBuilder {
    /// Serves a guest under its own name.
    pub fn guest(self, name: &str) -> TestHostBuilder {
        self.guest_as(name, name)
    }

    /// Serves a guest under another name.
    pub fn guest_as(self, guest_name: &str, pipeline: &str) -> TestHostBuilder {
        self.file(guest(guest_name), pipeline)
    }

    /// Serves an example plugin under its own name.
    pub fn plugin(self, name: &str) -> TestHostBuilder {
        self.file(plugin(name), name)
    }

    /// Serves any file.
    pub fn file(mut self, path: PathBuf, pipeline: &str) -> TestHostBuilder {
        self.plugins.push((path, pipeline.to_owned()));
        self
    }

    /// Lines of `[limits]`.
    pub fn limits(mut self, lines: &str) -> TestHostBuilder {
        self.limits.push_str(lines);
        self.limits.push('\n');
        self
    }

    /// The policy file of a pipeline.
    pub fn policy(mut self, pipeline: &str, text: &str) -> TestHostBuilder {
        self.policies.push((pipeline.to_owned(), text.to_owned()));
        self
    }

    /// Adds lines before all sections of the settings file.
    pub fn top(mut self, lines: &str) -> TestHostBuilder {
        self.top.push_str(lines);
        self.top.push('\n');
        self
    }

    /// Other sections of the settings file.
    pub fn config(mut self, sections: &str) -> TestHostBuilder {
        self.config.push_str(sections);
        self.config.push('\n');
        self
    }

    /// The default upstream, by its base URL; without one the built-in model answers.
    pub fn upstream(mut self, base_url: &str) -> TestHostBuilder {
        let model = ("OPENAI_MODEL".to_owned(), "fake-model".to_owned());
        self.variables
            .extend([("OPENAI_BASE_URL".to_owned(), base_url.to_owned()), model]);
        self
    }

    /// Sets an environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> TestHostBuilder {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Uses this existing data folder.
    pub fn data_dir(mut self, path: &Path) -> TestHostBuilder {
        self.data_dir = Some(path.to_owned());
        self
    }

    /// Listens on this address instead of 127.0.0.1.
    pub fn listen(mut self, address: &str) -> TestHostBuilder {
        self.listen = Some(address.to_owned());
        self
    }

    /// Obeys the modes of files even where the tests run as root.
    pub fn obeying_modes(mut self) -> TestHostBuilder {
        self.obeys_modes = true;
        self
    }

    /// Uses its own compile cache, empty at first. Other hosts share one, so that each guest is
    /// compiled only once for all tests.
    pub fn cold(mut self) -> TestHostBuilder {
        self.is_cold = true;
        self
    }

    /// Runs with no other host at the same time: for tests that measure time, see
    /// [`TestHost::stopwatch`].
    pub fn alone(mut self) -> TestHostBuilder {
        self.is_alone = true;
        self
    }

    /// Starts the host and waits until every plugin file has been loaded or refused.
    pub async fn start(self) -> TestHost {
        TestHost::begin(self.prepare().await).await
    }

    /// Creates its folders without starting it.
    pub async fn prepare(self) -> Arc<Launch> {
        let machine = machine(self.is_alone).await;
        let folder = Folder::fresh();
        let plugins_dir = folder.subfolder("plugins");
        for (path, pipeline) in &self.plugins {
            std::fs::copy(path, plugins_dir.join(format!("{pipeline}.wasm"))).unwrap();
        }
        for (pipeline, text) in &self.policies {
            std::fs::write(plugins_dir.join(format!("{pipeline}.toml")), text).unwrap();
        }
        let data_dir = self.data_dir.unwrap_or_else(|| folder.subfolder("data"));
        if !self.is_cold {
            share_compile_cache(&data_dir);
        }
        std::fs::write(
            folder.path().join("hayrick.toml"),
            format!("{}\n[limits]\n{}\n{}", self.top, self.limits, self.config),
        )
        .unwrap();
        let listen = self.listen.unwrap_or_else(|| "127.0.0.1".to_owned());
        Arc::new(Launch {
            folder,
            data_dir,
            listen,
            variables: self.variables,
            obeys_modes: self.obeys_modes,
            machine,
        })
    }
}

impl TestHost {
    /// A host without plugins.
    pub fn builder() -> TestHostBuilder {
        TestHostBuilder::default()
    }

    /// Starts a host and waits until every plugin file has been loaded or refused.
    pub async fn begin(launch: Arc<Launch>) -> TestHost {
        let mut process = launch.begin();
        let address = process.address().await;
        let client = Client::new(&format!("http://{address}"));
        let host = TestHost {
            client,
            logs: process.logs.clone(),
            process,
            address,
            launch,
        };
        eventually("every file has been tried", START_DEADLINE, async || {
            host.is_ready().await.then_some(())
        })
        .await;
        host
    }

    async fn is_ready(&self) -> bool {
        self.client.get("/health/ready").await.status == 200
    }

    /// Restarts with the same folders and settings after a normal shutdown.
    pub async fn restart(self) -> TestHost {
        TestHost::begin(self.stopped().await).await
    }

    /// Stops it (SIGTERM); its folders and settings remain.
    pub async fn stopped(mut self) -> Arc<Launch> {
        self.sigterm();
        self.ended().await;
        Arc::clone(&self.launch)
    }

    /// Restarts with the same folders and settings after a SIGKILL.
    pub async fn kill_and_restart(self) -> TestHost {
        TestHost::begin(self.killed().await).await
    }

    /// Kills it (SIGKILL); its folders and settings remain.
    pub async fn killed(mut self) -> Arc<Launch> {
        self.process.kill().await;
        Arc::clone(&self.launch)
    }

    /// Address and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The file of a pipeline in its plugins folder.
    pub fn plugin_file(&self, pipeline: &str) -> PathBuf {
        self.launch
            .folder
            .path()
            .join("plugins")
            .join(format!("{pipeline}.wasm"))
    }

    /// The policy file of a pipeline, whether or not it exists.
    pub fn policy_file(&self, pipeline: &str) -> PathBuf {
        self.plugin_file(pipeline).with_extension("toml")
    }

    /// A file next to the plugins folder, on the same file system.
    pub fn scratch_file(&self, name: &str) -> PathBuf {
        self.launch.folder.path().join(name)
    }

    /// A file or folder in its data folder.
    pub fn data_path(&self, name: &str) -> PathBuf {
        self.launch.data_dir.join(name)
    }

    /// Installs a plugin by writing a temporary file and renaming it.
    pub fn rename_in(&self, pipeline: &str, content: &[u8]) {
        let aside = self.scratch_file("aside.wasm");
        std::fs::write(&aside, content).unwrap();
        std::fs::rename(&aside, self.plugin_file(pipeline)).unwrap();
    }

    /// Waits until a version with this number or a higher one is serving, and returns it.
    pub async fn serves_version(&self, pipeline: &str, number: u64) -> Value {
        eventually(
            &format!("version {number} of {pipeline}"),
            SOON,
            async || {
                let status = self.client.status(pipeline).await?;
                (status["version"]["number"].as_u64() >= Some(number)).then_some(status)
            },
        )
        .await
    }

    /// Waits until the newest file of a pipeline is refused, and returns the reason.
    pub async fn refusal(&self, pipeline: &str) -> String {
        eventually(&format!("a refusal of {pipeline}"), SOON, async || {
            let status = self.client.status(pipeline).await?;
            status["last_error"]["reason"].as_str().map(str::to_owned)
        })
        .await
    }

    /// Runs a command of `hayrick` against this host.
    pub async fn command(&self, args: &[&str]) -> CommandOutput {
        let port = self.address().rsplit(':').next().unwrap();
        let args: Vec<String> = args
            .iter()
            .chain(&["--port", port])
            .map(|arg| (*arg).to_owned())
            .collect();
        tokio::task::spawn_blocking(move || {
            hayrick(&args.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .await
        .unwrap()
    }

    /// Waits until a pipeline has no running runs.
    pub async fn is_idle(&self, pipeline: &str) {
        eventually(&format!("no run of {pipeline}"), SOON, async || {
            let status = self.client.status(pipeline).await?;
            (status["active_runs"] == 0).then_some(())
        })
        .await;
    }

    /// Starts measuring time.
    ///
    /// # Panics
    /// The host was not started [`alone`](TestHostBuilder::alone).
    #[track_caller]
    pub fn stopwatch(&self) -> Stopwatch {
        self.launch.machine.stopwatch()
    }

    /// The output of `hayrick status` for this host.
    pub fn status_command(&self) -> String {
        let port = self.address.rsplit(':').next().unwrap();
        hayrick(&["status", "--port", port]).stdout
    }

    /// Asks it to stop.
    pub fn sigterm(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(
            std::process::Command::new("kill")
                .args([&format!("-{name}"), &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        self.process.kill_soon();
        if std::thread::panicking() {
            say(&format!(
                "--- the host's log ends with\n{}",
                self.logs.tail()
            ));
        }
    }
}

/// Links the folder and copies the key: a host follows a link to the folder, but not to the key.
fn share_compile_cache(data_dir: &Path) {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (folder, key) = (
        shared.join("compile-cache"),
        shared.join("compile-cache.key"),
    );
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .unwrap();
    // A folder of an earlier build may be accessible to others, which a host refuses.
    std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    symlink(folder, data_dir.join("cache")).unwrap();
    std::fs::write(data_dir.join("cache.key"), shared_key(&key)).unwrap();
    std::fs::set_permissions(data_dir.join("cache.key"), Permissions::from_mode(0o600)).unwrap();
}

/// One key for all tests of this build, created by the first that needs it.
fn shared_key(path: &Path) -> Vec<u8> {
    static ONCE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONCE.lock();
    if !path.exists() {
        let aside = path.with_extension(format!("{}.new", std::process::id()));
        let mut random = [0; 32];
        File::open("/dev/urandom")
            .unwrap()
            .read_exact(&mut random)
            .unwrap();
        std::fs::write(&aside, random).unwrap();
        // Another test process may have been faster; then its key is used.
        let _ = std::fs::hard_link(&aside, path);
        std::fs::remove_file(aside).unwrap();
    }
    std::fs::read(path).unwrap()
}
