//! The command line: commands, flags, their variables and the exit codes.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use host_app::settings::Flags;
use host_app::telemetry::FILTER_DEFAULT;

/// The command ran and failed; also a file that would not deploy.
pub const EXIT_FAILURE: u8 = 1;
/// The flags or the settings file are wrong. clap ends with the same code.
pub const EXIT_CONFIG: u8 = 2;
/// The pipeline that was asked for is absent or failed.
pub const EXIT_PIPELINE: u8 = 3;

const EXIT_CODES: &str = "Exit codes:
  0  all is well
  1  it failed: a busy port, an unreachable server, a file that would not deploy
  2  wrong flags, or mistakes in the settings file
  3  `status NAME`: that pipeline is absent or failed";

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
    /// Show what a .wasm file exports and imports, and whether it would deploy here
    Inspect(InspectArgs),
    /// Work with the settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every mistake in flags, environment and settings file, and end with 2 if there is one
    Check(SettingsArgs),
}

/// Where a server listens. Without a default, so that the settings file stands between the flag and the default.
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
    /// Serve on an address that other machines reach, although there are no API keys yet
    #[arg(long, env = "HAYRICK_INSECURE")]
    pub insecure: bool,
}

#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// What is logged: a level, or `warn,host_runtime=debug`
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
    pub address: AddressArgs,
    /// The server's answer as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// The file
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// Settings file, whose limits are applied [default: hayrick.toml, if it is there]
    #[arg(long, env = "HAYRICK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

impl From<AddressArgs> for Flags {
    fn from(args: AddressArgs) -> Flags {
        Flags { host: args.host, port: args.port, config: args.config, ..Flags::default() }
    }
}

impl From<SettingsArgs> for Flags {
    fn from(args: SettingsArgs) -> Flags {
        Flags { plugins_dir: args.plugins_dir, data_dir: args.data_dir, insecure: args.insecure, ..Flags::from(args.address) }
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
        let Command::Serve(args) = Args::try_parse_from(line.split(' ')).unwrap().command else { panic!("another command") };
        let flags = Flags::from(args.settings);
        assert_eq!((flags.host.as_deref(), flags.port, flags.insecure), (Some("10.0.0.1"), Some(0), true));
        assert_eq!([flags.plugins_dir, flags.data_dir, flags.config], ["p", "d", "c"].map(|path| Some(PathBuf::from(path))));
    }

    #[test]
    fn wrong_flags_end_with_2() {
        for line in ["hayrick", "hayrick serve --port x", "hayrick serve --port 70000", "hayrick fly", "hayrick serve --log-format xml"] {
            let error = Args::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), i32::from(EXIT_CONFIG), "{line}");
        }
    }
}
