//! The command line: commands, flags, their environment variables and the exit codes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use hayrick_app::grant::interface_names;
use hayrick_app::settings::flags::Flags;
use hayrick_app::settings::units::parse_duration;

use crate::key_args::{AuditArgs, KeysCommand};

/// The command failed, or a file cannot be deployed.
pub const EXIT_FAILURE: u8 = 1;
/// The flags or the settings file are wrong. clap exits with the same code.
pub const EXIT_CONFIG: u8 = 2;
/// The named pipeline or job does not exist, or failed.
pub const EXIT_ABSENT: u8 = 3;

const EXIT_CODES: &str = "Exit codes:
  0  success
  1  failure: a busy port, an unreachable server, a file that cannot be deployed
  2  wrong flags, or mistakes in the settings file
  3  the named pipeline, job or key does not exist, or it failed; a cancelled job counts as failed";

/// Serves LLM pipelines compiled to WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "hayrick", version, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the plugins of a folder over HTTP
    Serve(ServeArgs),
    /// Show the pipelines of a running server
    Status(StatusArgs),
    /// Deploy a .wasm file on a running server; exits with 1 if the server refuses it
    Deploy(DeployArgs),
    /// Remove a pipeline and its file from a running server; exits with 3 if it does not exist
    Undeploy(UndeployArgs),
    /// Manage the background jobs of a running server
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// List and delete what pipelines of a running server keep between runs
    #[command(subcommand)]
    State(StateCommand),
    /// Show what a .wasm file exports and imports, and whether it can be deployed here
    Inspect(InspectArgs),
    /// Grant a plugin the interfaces it imports, by writing them into its policy file
    Grant(GrantArgs),
    /// Create, list and revoke API keys; no server needs to run
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show the newest lines of the audit log: changes to keys and pipelines
    Audit(AuditArgs),
    /// Compile one component for a server, which starts this command itself
    #[command(hide = true)]
    Compile(CompileArgs),
    /// Work with the settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every mistake in the flags, the environment and the settings file; exits with 2 if
    /// there is one
    Check(SettingsArgs),
    /// Show every setting in force, with its value and where that comes from
    Show(ConfigShowArgs),
}

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List the jobs of a pipeline, newest first
    List(JobListArgs),
    /// Show one job; exits with 3 if it does not exist, failed or was cancelled
    Show(JobArgs),
    /// Wait until a job has ended, and show it; exits with 3 if it does not exist, failed or was
    /// cancelled
    Wait(JobWaitArgs),
    /// Cancel a pending or running job
    Cancel(JobArgs),
    /// Try a failed or cancelled job again, with all its attempts
    Retry(JobArgs),
}

#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the pipelines that have state, and when that of removed ones is deleted
    List(StateListArgs),
    /// Delete the state of a pipeline that was removed; exits with 3 if it has none
    Delete(StateDeleteArgs),
}

#[derive(Debug, clap::Args)]
pub struct StateListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub address: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub struct StateDeleteArgs {
    /// Name of the pipeline
    pub name: String,
    #[command(flatten)]
    pub address: ClientArgs,
}

/// Where a server listens. The flags have no default of their own, because the settings file comes
/// before the default.
#[derive(Debug, clap::Args)]
pub struct AddressArgs {
    /// Address to serve on [default: 127.0.0.1]
    #[arg(long, env = "HAYRICK_HOST", value_name = "IP")]
    pub host: Option<String>,
    /// Port; 0 takes a free one [default: 1416]
    #[arg(long, env = "HAYRICK_PORT")]
    pub port: Option<u16>,
    /// Settings file [default: hayrick.toml, if it exists]
    #[arg(long, env = "HAYRICK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Which server to call, and with which key.
#[derive(Debug, clap::Args)]
pub struct ClientArgs {
    #[command(flatten)]
    pub server: AddressArgs,
    /// API key; safer in the variable, because other users of this machine can see flags
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
    /// Folder with the .wasm files to serve [default: plugins]
    #[arg(long, env = "HAYRICK_PLUGINS_DIR", value_name = "DIR")]
    pub plugins_dir: Option<PathBuf>,
    /// Folder for compiled plugins and other data [default: .hayrick]
    #[arg(long, env = "HAYRICK_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Allow an address that other machines can reach, and accept requests without a key
    #[arg(long, env = "HAYRICK_INSECURE")]
    pub insecure: bool,
}

#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// What to log: a level, or a filter such as `warn,hayrick_runtime=debug` [default: info]
    #[arg(long, env = "HAYRICK_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Format of the log lines [default: text]
    #[arg(
        long,
        env = "HAYRICK_LOG_FORMAT",
        value_name = "FORMAT",
        value_parser = ["text", "json"]
    )]
    pub log_format: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct ConfigShowArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Show this plugin's policy too
    #[arg(long, value_name = "NAME")]
    pub plugin: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Show only this pipeline; exits with 3 if it does not exist or failed
    pub name: Option<String>,
    #[command(flatten)]
    pub address: ClientArgs,
    /// Print the response of the server as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct DeployArgs {
    /// The plugin
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// Name of the pipeline [default: the name of the file, without .wasm]
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub address: ClientArgs,
    /// Print the response of the server as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct UndeployArgs {
    /// Name of the pipeline
    pub name: String,
    #[command(flatten)]
    pub address: ClientArgs,
}

#[derive(Debug, clap::Args)]
pub struct JobListArgs {
    /// The pipeline of the jobs
    pub pipeline: String,
    /// Only jobs with this status
    #[arg(long, value_parser = ["pending", "running", "completed", "failed", "cancelled"])]
    pub status: Option<String>,
    /// Only jobs of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// How many jobs to show at most
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        conflicts_with = "all"
    )]
    pub limit: usize,
    /// Show all jobs
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub address: ClientArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct JobArgs {
    /// The pipeline of the job
    pub pipeline: String,
    /// The id of the job
    pub id: String,
    #[command(flatten)]
    pub address: ClientArgs,
    /// Print the response of the server as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct JobWaitArgs {
    #[command(flatten)]
    pub job: JobArgs,
    /// Give up after this time, for example 30s or 5m, and exit with 1 [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub struct CompileArgs {
    /// The limits of the compilation, as the server writes them
    pub order: String,
}

#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// The plugin
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// Compare it with OLD.wasm, or with the version that was deployed last. Exits with 1 if it
    /// asks for more
    #[arg(long, value_name = "OLD.wasm", num_args = 0..=1)]
    pub diff: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub folders: FolderArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct GrantArgs {
    /// The plugin: NAME.wasm in the plugins folder, whose policy is NAME.toml beside it
    pub name: String,
    #[arg(value_name = "INTERFACE", help = format!(
        "What to grant: {} [default: every interface that the file imports]", interface_names()
    ))]
    pub interfaces: Vec<String>,
    #[command(flatten)]
    pub folders: FolderArgs,
}

/// The settings, plugins and data of a server, for commands that need no running server.
#[derive(Debug, clap::Args)]
pub struct FolderArgs {
    /// Settings file [default: hayrick.toml, if it exists]
    #[arg(long, env = "HAYRICK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder with the plugins and their policies [default: plugins]
    #[arg(long, env = "HAYRICK_PLUGINS_DIR", value_name = "DIR")]
    pub plugins_dir: Option<PathBuf>,
    /// Folder with the data of the server [default: .hayrick]
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
    use std::collections::BTreeSet;

    use clap::CommandFactory;
    use hayrick_app::settings::page;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_flag_of_serve_is_on_the_settings_page() {
        let mut command = Args::command();
        command.build();
        let serve = command.find_subcommand("serve").unwrap();
        let flags: BTreeSet<(String, String)> = serve
            .get_arguments()
            .filter_map(|arg| {
                let variable = arg.get_env()?.to_string_lossy().into_owned();
                Some((format!("--{}", arg.get_long()?), variable))
            })
            .collect();
        let with_flag = serve.get_arguments().filter_map(clap::Arg::get_long);
        assert_eq!(
            with_flag.filter(|flag| *flag != "help").count(),
            flags.len(),
            "a flag of serve has no variable"
        );
        let page = page::flags().into_iter();
        let page = page.map(|(flag, variable)| (flag.to_owned(), variable.to_owned()));
        assert_eq!(flags, page.collect());
    }

    #[test]
    fn flags_reach_the_settings() {
        let line = "hayrick serve --host 10.0.0.1 --port 0 --plugins-dir p --data-dir d --config c --insecure";
        let Command::Serve(args) = Args::try_parse_from(line.split(' ')).unwrap().command else {
            panic!("not the expected command")
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
            panic!("not the expected command")
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
    fn wrong_flags_exit_with_2() {
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
