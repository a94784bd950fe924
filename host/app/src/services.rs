//! Opens the services over the data folder.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use hayrick_capabilities::services::Services;
use hayrick_services::budgets::Budgets;
use hayrick_services::database::Database;
use hayrick_services::egress::resolver::SystemResolver;
use hayrick_services::egress::service::Egress;
use hayrick_services::jobs::queue::Jobs;
use hayrick_services::jobs::sqlite::SqliteJobs;
use hayrick_services::llm::router::Llm;
use hayrick_services::metrics::Metrics;
use hayrick_services::secret::Secret;
use hayrick_services::state::State;
use hayrick_services::tasks::Tasks;
use hayrick_services::uploads::spool::Spool;
use hayrick_types::clock::{self, Clocks};

use crate::settings::config::Config;

/// The file in the data folder that holds jobs, tasks and state.
const DATABASE: &str = "hayrick.db";
/// The folder for uploads in progress, on the same disk.
const SPOOL: &str = "spool";

/// Opens the services; this process must have locked `data_dir`.
///
/// # Errors
/// The configuration of the models is invalid, or the file or the folder cannot be used.
pub async fn open(config: &Config, data_dir: &Path) -> anyhow::Result<(Services, Spool, Database)> {
    let path = data_dir.join(DATABASE);
    let cannot = || format!("cannot open the store {}", path.display());
    let last_write = last_write(&path);
    let database = Database::open(&path).with_context(cannot)?;
    let clock = clock::system();
    // Hosts that fail at the same time must not retry at the same time.
    let seed = RandomState::new().hash_one(&path);
    let clocks = Clocks::patient(Arc::clone(&clock), last_write);
    let store = SqliteJobs::new(database.clone(), &config.jobs, clocks.clone(), seed);
    let metrics = Metrics::default();
    let services = Services {
        llm: Llm::new(config.llm.clone()).context("cannot set up the models")?,
        budgets: Budgets::open(database.clone(), clock)
            .await
            .with_context(cannot)?,
        jobs: Jobs::new(Arc::new(store), config.jobs.clone(), metrics.clone()),
        tasks: Tasks::open(database.clone(), config.tasks, clocks.clone())
            .await
            .with_context(cannot)?,
        state: State::new(
            database.clone(),
            config.state,
            config.state_retention,
            clocks,
        ),
        egress: egress(config),
        metrics,
    };
    let spool = data_dir.join(SPOOL);
    std::fs::create_dir_all(&spool)
        .with_context(|| format!("cannot create the folder {}", spool.display()))?;
    Ok((services, Spool::new(&spool, &config.api.server), database))
}

/// When the database was last written to, in the file itself or in its log.
fn last_write(path: &Path) -> Option<SystemTime> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let files = [path, Path::new(&log)].into_iter();
    files
        .filter_map(|file| std::fs::metadata(file).ok()?.modified().ok())
        .max()
}

fn egress(config: &Config) -> Egress {
    let environment = config.environment.clone();
    let secrets = move |variable: &str| {
        environment
            .get(variable)
            .map(|value| Secret::new(value.to_owned()))
    };
    Egress::new(config.egress, Arc::new(SystemResolver), Arc::new(secrets))
}
