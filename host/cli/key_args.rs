//! The command line of `hayrick keys` and `hayrick audit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use hayrick_app::settings::flags::Flags;
use hayrick_app::settings::units::parse_duration;

/// Which data folder is meant, by the same rules as for `serve`.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    /// Folder of the server's data [default: .hayrick]
    #[arg(long, env = "HAYRICK_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Settings file [default: hayrick.toml, if it is there]
    #[arg(long, env = "HAYRICK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and show it, once; a running server takes it within a second
    Create(KeyCreateArgs),
    /// Show the keys, without their secrets
    List(DataArgs),
    /// Revoke a key for good; a running server refuses it within a second. Ends with 3 if it is
    /// absent
    Revoke(KeyRevokeArgs),
}

#[derive(Debug, clap::Args)]
pub struct KeyCreateArgs {
    /// What the key is for
    #[arg(long)]
    pub name: String,
    /// What it may do; may be given several times [default: invoke]
    #[arg(long = "scope", value_name = "SCOPE", value_parser = ["invoke", "deploy", "admin"])]
    pub scopes: Vec<String>,
    /// The only pipeline it may use; may be given several times [default: all]
    #[arg(long = "pipeline", value_name = "NAME")]
    pub pipelines: Vec<String>,
    /// The most requests, for example 60/min, 5/s or 1000/h
    #[arg(long, value_name = "RATE")]
    pub rate: Option<String>,
    /// Requests at once before the rate counts [default: the rate's own number]
    #[arg(long, value_name = "COUNT", requires = "rate", value_parser = clap::value_parser!(u32).range(1..))]
    pub burst: Option<u32>,
    /// The most answers at a time
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,
    /// It ends after this time, for example 12h or 30d [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub expires: Option<Duration>,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub struct KeyRevokeArgs {
    /// The key's id, as `hayrick keys list` shows it
    pub id: String,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// The most lines to show
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub limit: usize,
    #[command(flatten)]
    pub data: DataArgs,
}

impl From<DataArgs> for Flags {
    fn from(args: DataArgs) -> Flags {
        Flags {
            data_dir: args.data_dir,
            config: args.config,
            ..Flags::default()
        }
    }
}
