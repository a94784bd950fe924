//! The command line: commands, flags, their variables and the exit codes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use hayrick_app::grant::interface_names;
use hayrick_app::settings::Flags;
use hayrick_app::telemetry::FILTER_DEFAULT;
use hayrick_app::units::parse_duration;

use crate::key_args::{AuditArgs, KeysCommand};

/// The command ran and failed; also a file that would not deploy.
pub const EXIT_FAILURE: u8 = 1;
/// The flags or the settings file are wrong. clap ends with the same code.
pub const EXIT_CONFIG: u8 = 2;
/// The pipeline or job that was asked for is absent or failed.
pub const EXIT_ABSENT: u8 = 3;

const EXIT_CODES: &str = "Exit codes:
  0  all is well
  1  it failed: a busy port, an unreachable server, a file that would not deploy
  2  wrong flags, or mistakes in the settings file
  3  the pipeline or job that was asked for is absent or failed; a cancelled job counts as failed";

/// Serves LLM pipelines compiled to WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "hayrick", version, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the pipelines of a folder over HTTP
    Serve(ServeArgs),
    /// Show the pipelines of a running server
    Status(StatusArgs),
    /// Deploy a .wasm file on a running server; end with 1 if it is refused
    Deploy(DeployArgs),
    /// Remove a pipeline and its file from a running server; end with 3 if there is none
    Undeploy(UndeployArgs),
    /// Look after the background jobs of a running server
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Show what a .wasm file exports and imports, and whether it would deploy here
    Inspect(InspectArgs),
    /// Grant a plugin what its file asks for, by writing it into its policy file
    Grant(GrantArgs),
    /// Make, list and revoke API keys, beside a running server or without one
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show the newest lines of the audit log: changes of keys and pipelines
    Audit(AuditArgs),
    /// Compile one component for a server, which starts this itself
    #[command(hide = true)]
    Compile(CompileArgs),
    /// Work with the settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every mistake in flags, environment and settings file, and end with 2 if there is one
    Check(SettingsArgs),
}

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// Show a pipeline's jobs, newest first
    List(JobListArgs),
    /// Show one job; end with 3 if it is absent, failed or cancelled
    Show(JobArgs),
    /// Wait until a job has ended, and show it; end with 3 if it is absent, failed or cancelled
    Wait(JobWaitArgs),
    /// Cancel a job that waits or runs
    Cancel(JobArgs),
    /// Try a failed or cancelled job again, with all its attempts before it
    Retry(JobArgs),
}

/// Where a server listens. Without a default, so that the settings file stands between the flag and
/// the default.
#[derive(Debug, clap::Args)]
pub struct AddressArgs {
    /// Address to serve on [default: 127.0.0.1]
    #[arg(long, env = "HAYRICK_HOST", value_name = "IP")]
    pub host: Option<String>,
    /// Port; 0 takes a free one [default: 1416]
    #[arg(long, env = "HAYRICK_PORT")]
    pub port: Option<u16>,
    /// Settings file [default: hayrick.toml, if it is there]
    #[arg(long, env = "HAYRICK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where a server is called, and with which key.
#[derive(Debug, clap::Args)]
pub struct ClientArgs {
    #[command(flatten)]
    pub server: AddressArgs,
    /// API key; better in the variable, since others of this machine see a command's flags
    #[arg(
        long,
        env = "HAYRICK_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub api_key: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct SettingsArgs {
    #[command(flatten)]
    pub address: AddressArgs,
    /// Folder whose .wasm files are served [default: plugins]
    #[arg(long, env = "HAYRICK_PLUGINS_DIR", value_name = "DIR")]
    pub plugins_dir: Option<PathBuf>,
    /// Folder for compiled plugins and other data [default: .hayrick]
    #[arg(long, env = "HAYRICK_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Serve on an address that other machines reach, and let in who shows no key
    #[arg(long, env = "HAYRICK_INSECURE")]
    pub insecure: bool,
}

#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// What is logged: a level, or `warn,hayrick_runtime=debug`
    #[arg(long, env = "HAYRICK_LOG", value_name = "FILTER", default_value = FILTER_DEFAULT)]
    pub log: String,
    /// How log lines look
    #[arg(long, env = "HAYRICK_LOG_FORMAT", value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    pub log_format: String,
}

#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Show this pipeline only; end with 3 if it is absent or failed
    pub name: Option<String>,
    #[command(flatten)]
    pub address: ClientArgs,
    /// The server's answer as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct DeployArgs {
    /// The file
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// The pipeline's name [default: the file's, without .wasm]
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub address: ClientArgs,
    /// The server's answer as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct UndeployArgs {
    /// The pipeline
    pub name: String,
    #[command(flatten)]
    pub address: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub struct JobListArgs {
    /// The pipeline whose jobs they are
    pub pipeline: String,
    /// Only jobs of this status
    #[arg(long, value_parser = ["pending", "running", "completed", "failed", "cancelled"])]
    pub status: Option<String>,
    /// Only jobs of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// The most jobs to show
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        conflicts_with = "all"
    )]
    pub limit: usize,
    /// Show all of them
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub address: ClientArgs,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct JobArgs {
    /// The pipeline whose job it is
    pub pipeline: String,
    /// The job's id
    pub id: String,
    #[command(flatten)]
    pub address: ClientArgs,
    /// The server's answer as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct JobWaitArgs {
    #[command(flatten)]
    pub job: JobArgs,
    /// Give up after this time, for example 30s or 5m, and end with 1 [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub struct CompileArgs {
    /// What the server asks for
    pub order: String,
}

#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// The file
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// Show what it has and OLD.wasm has not; without OLD.wasm, what it asks for beyond the version
    /// that was deployed last. Ends with 1 if it asks for more
    #[arg(long, value_name = "OLD.wasm", num_args = 0..=1)]
    pub diff: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub folders: FolderArgs,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct GrantArgs {
    /// The plugin: its file is NAME.wasm in the plugins folder, its policy NAME.toml beside it
    pub name: String,
    #[arg(value_name = "INTERFACE", help = format!(
        "What to grant: {} [default: all that its file asks for]", interface_names()
    ))]
    pub interfaces: Vec<String>,
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// Where a server's settings, plugins and data are, for commands that need none running.
#[derive(Debug, clap::Args)]
pub struct FolderArgs {
    /// Settings file [default: hayrick.toml, if it is there]
    #[arg(long, env = "HAYRICK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the plugins and their policies [default: plugins]
    #[arg(long, env = "HAYRICK_PLUGINS_DIR", value_name = "DIR")]
    pub plugins_dir: Option<PathBuf>,
    /// Folder of the server's data [default: .hayrick]
    #[arg(long, env = "HAYRICK_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl From<FolderArgs> for Flags {
    fn from(args: FolderArgs) -> Flags {
        Flags {
            plugins_dir: args.plugins_dir,
            data_dir: args.data_dir,
            config: args.config,
            ..Flags::default()
        }
    }
}

impl From<AddressArgs> for Flags {
    fn from(args: AddressArgs) -> Flags {
        Flags {
            host: args.host,
            port: args.port,
            config: args.config,
            ..Flags::default()
        }
    }
}

impl From<SettingsArgs> for Flags {
    fn from(args: SettingsArgs) -> Flags {
        Flags {
            plugins_dir: args.plugins_dir,
            data_dir: args.data_dir,
            insecure: args.insecure,
            ..Flags::from(args.address)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn flags_reach_the_settings() {
        let line = "hayrick serve --host 10.0.0.1 --port 0 --plugins-dir p --data-dir d --config c --insecure";
        let Command::Serve(args) = Args::try_parse_from(line.split(' ')).unwrap().command else {
            panic!("another command")
        };
        let flags = Flags::from(args.settings);
        assert_eq!(
            (flags.host.as_deref(), flags.port, flags.insecure),
            (Some("10.0.0.1"), Some(0), true)
        );
        assert_eq!(
            [flags.plugins_dir, flags.data_dir, flags.config],
            ["p", "d", "c"].map(|path| Some(PathBuf::from(path)))
        );
    }

    #[test]
    fn jobs_are_named_by_pipeline_and_id() {
        let line = "hayrick jobs wait p 7 --timeout 90s --port 5";
        let Command::Jobs(JobsCommand::Wait(args)) =
            Args::try_parse_from(line.split(' ')).unwrap().command
        else {
            panic!("another command")
        };
        assert_eq!(
            (
                args.job.pipeline.as_str(),
                args.job.id.as_str(),
                args.timeout
            ),
            ("p", "7", Some(Duration::from_secs(90)))
        );
        assert_eq!(args.job.address.server.port, Some(5));
    }

    #[test]
    fn wrong_flags_end_with_2() {
        for line in [
            "hayrick",
            "hayrick serve --port x",
            "hayrick serve --port 70000",
            "hayrick fly",
            "hayrick serve --log-format xml",
            "hayrick jobs",
            "hayrick jobs show p",
            "hayrick jobs list p --status done",
            "hayrick jobs list p --all --limit 1",
            "hayrick jobs wait p 7 --timeout soon",
        ] {
            let error = Args::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), i32::from(EXIT_CONFIG), "{line}");
        }
    }
}
