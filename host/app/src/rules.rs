//! What decides over a deploy. A server reads it among the rest of its settings; commands that look
//! at plugins and serve nothing, alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hayrick_runtime::compile::limits::CompileLimits;
use hayrick_services::jobs::config::JobsConfig;
use hayrick_services::llm::config::LlmConfig;
use hayrick_services::llm::router::aliases;
use hayrick_services::state::config::StateConfig;
use hayrick_types::limits::Limits;
use hayrick_worker::config::WorkerConfig;

use crate::compile::{read_bounds, read_compile};
use crate::engine::{EngineSettings, read_engine};
use crate::environment::Environment;
use crate::folders::{APPROVALS, read_data_dir, read_plugins_dir};
use crate::limits::read_limits;
use crate::mistake::{ConfigError, Mistake};
use crate::policy::{PolicyFolder, default_policy, read_grants};
use crate::section::Section;
use crate::settings::{Flags, Settings};
use crate::stores::{read_jobs, read_state};
use crate::upstreams::read_upstreams;

/// Sections whose mistakes count where nothing is served; the others are the server's.
const SECTIONS: [&str; 6] = ["limits", "grants", "state", "jobs", "engine", "component"];

/// Who decides, from what, and what else stands in the same sections.
pub struct Rules {
    pub plugins_dir: PathBuf,
    pub policies: Arc<PolicyFolder>,
    /// The file of what plugins asked for.
    pub approvals: PathBuf,
    /// What compiling may cost.
    pub compile: CompileLimits,
    /// The limits of a plugin that has none of its own.
    pub limits: Limits,
    pub engine: EngineSettings,
    /// Bytes of the compile cache.
    pub cache_bytes_max: u64,
    pub jobs: JobsConfig,
    pub worker: WorkerConfig,
    pub state: StateConfig,
    pub llm: LlmConfig,
}

impl Rules {
    /// Reads them alone.
    ///
    /// # Errors
    /// The mistakes in what they are made of.
    pub fn read(settings: Settings) -> Result<Rules, ConfigError> {
        let Settings {
            flags,
            file,
            environment,
        } = settings;
        let (rules, mistakes) = Section::read(file, |top| {
            let data_dir = read_data_dir(top, &flags);
            Rules::read_in(top, &data_dir, &flags, &environment, &mut Vec::new())
        });
        let mistakes: Vec<Mistake> = mistakes.into_iter().filter(counts).collect();
        if mistakes.is_empty() {
            Ok(rules)
        } else {
            Err(ConfigError(mistakes))
        }
    }

    /// Reads their sections of the settings.
    pub fn read_in(
        top: &mut Section,
        data_dir: &Path,
        flags: &Flags,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Rules {
        let plugins_dir = read_plugins_dir(top, flags);
        let limits = top.section("limits", |limits| read_limits(limits, &Limits::default()));
        let (engine, (compile, cache_bytes_max)) = top.section("engine", |engine| {
            (read_engine(engine), read_compile(engine))
        });
        let compile = CompileLimits {
            bounds: top.section("component", read_bounds),
            ..compile
        };
        let (jobs, worker, job_grant) = top.section("jobs", read_jobs);
        let state = top.section("state", read_state);
        let llm = read_upstreams(top, environment, warnings);
        let policy = default_policy(limits.clone(), state.quota, job_grant);
        let policy = top.section("grants", |grants| {
            read_grants(grants, &policy, &aliases(&llm))
        });
        let policies = Arc::new(PolicyFolder::new(
            &plugins_dir,
            policy,
            &llm,
            environment.clone(),
        ));
        let approvals = data_dir.join(APPROVALS);
        Rules {
            plugins_dir,
            policies,
            approvals,
            compile,
            limits,
            engine,
            cache_bytes_max,
            jobs,
            worker,
            state,
            llm,
        }
    }
}

fn counts(mistake: &Mistake) -> bool {
    let section = mistake.path.split('.').next().unwrap_or_default();
    SECTIONS.contains(&section) && mistake.path != section
}
