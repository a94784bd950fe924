//! The arguments of `hayrick keys` and `hayrick audit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use hayrick_app::settings::flags::Flags;
use hayrick_app::settings::units::parse_duration;

/// Which data folder to use, by the same rules as `serve`.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    /// Folder with the data of the server [default: .hayrick]
    #[arg(long, env = "HAYRICK_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Settings file [default: hayrick.toml, if it exists]
    #[arg(long, env = "HAYRICK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Create a key and show it, once; a running server accepts it within a second
    Create(KeyCreateArgs),
    /// List the keys, without their secrets
    List(DataArgs),
    /// Revoke a key for good; a running server refuses it within a second. Exits with 3 if there is
    /// no such key
    Revoke(KeyRevokeArgs),
}

#[derive(Debug, clap::Args)]
pub struct KeyCreateArgs {
    /// What the key is for
    #[arg(long)]
    pub name: String,
    /// What the key may do; can be repeated [default: invoke]
    #[arg(long = "scope", value_name = "SCOPE", value_parser = ["invoke", "deploy", "admin"])]
    pub scopes: Vec<String>,
    /// A pipeline that the key may use; can be repeated [default: all pipelines]
    #[arg(long = "pipeline", value_name = "NAME")]
    pub pipelines: Vec<String>,
    /// How many requests are allowed, for example 60/min, 5/s or 1000/h
    #[arg(long, value_name = "RATE")]
    pub rate: Option<String>,
    /// How many requests may come at once before the rate counts [default: the number of the rate]
    #[arg(long, value_name = "COUNT", requires = "rate", value_parser = clap::value_parser!(u32).range(1..))]
    pub burst: Option<u32>,
    /// How many requests may run at a time
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub concurrency: Option<u32>,
    /// When the key expires, for example after 12h or 30d [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub expires: Option<Duration>,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub struct KeyRevokeArgs {
    /// The id of the key, as `hayrick keys list` shows it
    pub id: String,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// How many lines to show
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
