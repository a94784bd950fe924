//! The runner's command-line arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::hostile::attack::Target;
use crate::hostile::case::Case;
use crate::hostile::deploy::Deployer;
use crate::server::Server;

/// Attacks a server with the corpus of hostile guests and prints the results. Without `--url`, it
/// builds the guests and the program with optimisation, and starts a server with low limits.
#[derive(Debug, Parser)]
pub struct Args {
    /// URL of a server that is running
    #[arg(long)]
    pub url: Option<String>,
    /// Plugins folder of a server on this machine; without it, plugins are deployed over HTTP
    #[arg(long)]
    plugins_dir: Option<PathBuf>,
    /// API key with the scopes `deploy` and `invoke`
    #[arg(long, env = "HAYRICK_API_KEY")]
    api_key: Option<String>,
    /// Run only the cases or themes with this name; can be repeated
    #[arg(long)]
    only: Vec<String>,
    /// List the cases and exit
    #[arg(long)]
    pub list: bool,
    /// Print a JSON document for each case
    #[arg(long)]
    pub json: bool,
    /// Seconds after which an attack counts as never ending; must be greater than the server's
    /// wall_time_max
    #[arg(long, default_value_t = 330)]
    patience: u64,
    /// Requests to the neighbour per second
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Minimum seconds to watch the neighbour in each case; four times as long before the first
    #[arg(long, default_value_t = 2)]
    watch: u64,
    /// Process id of a server on this machine, to watch how far its memory rises (Linux)
    #[arg(long)]
    pid: Option<u32>,
}

impl Args {
    /// Whether to run the case.
    pub fn wants(&self, case: &Case) -> bool {
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|name| name == case.name || name == case.theme.as_str())
    }

    /// The server, `own` if there is one, and how to attack it.
    ///
    /// # Errors
    /// The plugins folder is not a folder.
    pub fn target(&self, own: Option<&Server>) -> Result<Target, String> {
        let deployer = match &self.plugins_dir {
            Some(folder) if !folder.is_dir() => {
                return Err(format!(
                    "{} is not a folder: pass the server's --plugins-dir",
                    folder.display()
                ));
            }
            Some(folder) => Deployer::Folder(folder.clone()),
            None => Deployer::Http,
        };
        let url = own.map_or(self.url.as_deref(), |own| Some(&own.url));
        Ok(Target {
            url: url.unwrap_or_default().trim_end_matches('/').to_owned(),
            api_key: self.api_key.clone(),
            deployer,
            patience: Duration::from_secs(self.patience),
            rate: self.rate,
            watch: Duration::from_secs(self.watch),
            quiet_watch: Duration::from_secs(4 * self.watch),
            floor: crate::hostile::judge::FLOOR,
            pid: own.map_or(self.pid, |own| own.pid),
        })
    }
}
