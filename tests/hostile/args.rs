//! The arguments of the runner.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::hostile::attack::Target;
use crate::hostile::case::Case;
use crate::hostile::deploy::Deployer;

/// Attacks a running server with the corpus of hostile guests, and prints what came of it.
#[derive(Debug, Parser)]
pub struct Args {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:1416")]
    url: String,
    /// Its plugins folder, if it is on this machine; without it, plugins are deployed over HTTP
    #[arg(long)]
    plugins_dir: Option<PathBuf>,
    /// A key that may deploy and invoke
    #[arg(long, env = "HAYRICK_API_KEY")]
    api_key: Option<String>,
    /// Only cases or themes of this name; may be repeated
    #[arg(long)]
    only: Vec<String>,
    /// Names the cases and does nothing
    #[arg(long)]
    pub list: bool,
    /// A JSON document for each case
    #[arg(long)]
    pub json: bool,
    /// How long an attack may take before it counts as never ending, in seconds; above the server's
    /// wall_time_max
    #[arg(long, default_value_t = 330)]
    patience: u64,
    /// Requests to the neighbour per second
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// The shortest time the neighbour is watched for in each case, in seconds; four times as long
    /// before all of them
    #[arg(long, default_value_t = 2)]
    watch: u64,
    /// The server's process, if it is on this machine: how far its memory rises is watched, too
    /// (Linux)
    #[arg(long)]
    pid: Option<u32>,
}

impl Args {
    /// Whether the case is to be run.
    pub fn wants(&self, case: &Case) -> bool {
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|name| name == case.name || name == case.theme.as_str())
    }

    /// The server, and how to treat it.
    ///
    /// # Errors
    /// It is not a folder.
    pub fn target(&self) -> Result<Target, String> {
        let deployer = match &self.plugins_dir {
            Some(folder) if !folder.is_dir() => {
                return Err(format!(
                    "{} is not a folder: name the server's --plugins-dir",
                    folder.display()
                ));
            }
            Some(folder) => Deployer::Folder(folder.clone()),
            None => Deployer::Http,
        };
        Ok(Target {
            url: self.url.trim_end_matches('/').to_owned(),
            api_key: self.api_key.clone(),
            deployer,
            patience: Duration::from_secs(self.patience),
            rate: self.rate,
            watch: Duration::from_secs(self.watch),
            quiet_watch: Duration::from_secs(4 * self.watch),
            floor: crate::hostile::judge::FLOOR,
            pid: self.pid,
        })
    }
}
