//! The settings that decide whether a component may be deployed. A server reads them with its other
//! settings; commands that only inspect plugins read just these.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hayrick_runtime::compile::config::CompileConfig;
use hayrick_services::llm::config::LlmConfig;
use hayrick_services::llm::router::aliases;
use hayrick_types::settings::component::ComponentBounds;
use hayrick_types::settings::engine::{CompileLimits, EngineSettings};
use hayrick_types::settings::jobs::{JobsSettings, Retention};
use hayrick_types::settings::limits::Limits;
use hayrick_types::settings::plugin::JobGrant;
use hayrick_types::settings::state::{StateQuota, StateRetention};

use crate::settings::environment::Environment;
use crate::settings::flags::Flags;
use crate::settings::folders::{APPROVALS, read_data_dir, read_plugins_dir};
use crate::settings::found::Source;
use crate::settings::grants::{PolicyDefaults, read_grants};
use crate::settings::machine::memory_bytes;
use crate::settings::mistake::{ConfigError, Mistake};
use crate::settings::policy::PolicyFolder;
use crate::settings::section::Section;
use crate::settings::sources::Sources;
use crate::settings::upstreams::read_upstreams;

/// Sections whose mistakes matter to commands that serve nothing; the others concern only the
/// server.
const SECTIONS: [&str; 6] = ["limits", "grants", "state", "jobs", "engine", "component"];

/// The policies, the limits of compilation, and the other settings of the same sections.
pub struct Rules {
    pub plugins_dir: PathBuf,
    pub policies: Arc<PolicyFolder>,
    /// The file that records what plugins asked for.
    pub approvals: PathBuf,
    pub compile: CompileConfig,
    /// The limits of a plugin that does not set its own.
    pub limits: Limits,
    pub engine: EngineSettings,
    pub jobs: JobsSettings,
    pub retention: Retention,
    pub state: StateQuota,
    pub state_retention: StateRetention,
    pub llm: LlmConfig,
}

impl Rules {
    /// Reads the rules without the rest of the settings.
    ///
    /// # Errors
    /// The mistakes in their sections.
    pub fn read(sources: Sources) -> Result<Rules, ConfigError> {
        let Sources {
            flags,
            file,
            environment,
        } = sources;
        let (rules, reading) = Section::read(file, Source::File, |top| {
            let data_dir = read_data_dir(top, &flags);
            Rules::read_in(top, &data_dir, &flags, &environment, &mut Vec::new())
        });
        let mistakes: Vec<Mistake> = reading.mistakes.into_iter().filter(counts).collect();
        if mistakes.is_empty() {
            Ok(rules)
        } else {
            Err(ConfigError(mistakes))
        }
    }

    /// Reads the sections that the rules need.
    pub fn read_in(
        top: &mut Section,
        data_dir: &Path,
        flags: &Flags,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Rules {
        let plugins_dir = read_plugins_dir(top, flags);
        let (engine, compile_limits) = top.section("engine", read_engine);
        let default = Limits {
            plugin_memory_bytes_max: engine.host_memory_bytes_max / 2,
            ..Limits::default()
        };
        let limits = top.section("limits", |limits| Limits::read(limits, &default));
        let bounds = top.section("component", |component| {
            ComponentBounds::read(component, &ComponentBounds::default())
        });
        let (jobs, retention) = top.section("jobs", |jobs| {
            (
                JobsSettings::read(jobs, &JobsSettings::default()),
                Retention::read(jobs, &Retention::default()),
            )
        });
        let (state, state_retention) = top.section("state", |state| {
            (
                StateQuota::read(state, &StateQuota::default()),
                StateRetention::read(state, &StateRetention::default()),
            )
        });
        let llm = read_upstreams(top, environment, warnings);
        let job_grant = JobGrant {
            pending_max: jobs.pending_max,
            running_max: jobs.plugin_jobs_max,
            cpu_time_max: jobs.cpu_time_max,
            ..JobGrant::default()
        };
        let granted = PolicyDefaults::new(limits.clone(), state, job_grant);
        let granted = top.section("grants", |grants| {
            read_grants(grants, granted, &aliases(&llm))
        });
        let policies = PolicyFolder::new(&plugins_dir, granted, &llm, environment.clone());
        Rules {
            plugins_dir,
            policies: Arc::new(policies),
            approvals: data_dir.join(APPROVALS),
            compile: CompileConfig {
                limits: compile_limits,
                bounds,
            },
            limits,
            engine,
            jobs,
            retention,
            state,
            state_retention,
            llm,
        }
    }
}

fn read_engine(section: &mut Section) -> (EngineSettings, CompileLimits) {
    // The rest is left to the host itself, the page cache and other processes.
    let memory = usize::try_from(memory_bytes() / 4 * 3).unwrap_or(usize::MAX);
    let default = EngineSettings {
        host_memory_bytes_max: memory,
        ..EngineSettings::default()
    };
    (
        EngineSettings::read(section, &default),
        CompileLimits::read(section, &CompileLimits::default()),
    )
}

fn counts(mistake: &Mistake) -> bool {
    let section = mistake.path.split('.').next().unwrap_or_default();
    SECTIONS.contains(&section) && mistake.path != section
}
