//! What decides over a deploy, read without the rest: for commands that look at plugins and serve nothing.

use std::path::PathBuf;

use host_runtime::compile::limits::CompileLimits;
use host_services::llm::router::aliases;
use host_types::limits::Limits;

use crate::compile::read_bounds;
use crate::config::{APPROVALS, read_data_dir, read_engine_compile, read_plugins_dir};
use crate::limits::read_limits;
use crate::mistake::{ConfigError, Mistake};
use crate::policy::{PolicyFolder, default_policy, read_grants};
use crate::section::Section;
use crate::settings::Settings;
use crate::stores::{read_jobs, read_state};
use crate::upstreams::read_upstreams;

/// Sections whose mistakes count here; the others are the server's.
const SECTIONS: [&str; 6] = ["limits", "grants", "state", "jobs", "engine", "component"];

/// Who decides, and from what.
pub struct Rules {
    pub plugins_dir: PathBuf,
    pub policies: PolicyFolder,
    /// What compiling may cost.
    pub compile: CompileLimits,
    /// The file of what plugins asked for.
    pub approvals: PathBuf,
}

impl Rules {
    /// Reads them.
    ///
    /// # Errors
    /// The mistakes in what they are made of.
    pub fn read(settings: Settings) -> Result<Rules, ConfigError> {
        let Settings { flags, file, environment } = settings;
        let (rules, mistakes) = Section::read(file, |top| {
            let (data_dir, plugins_dir) = (read_data_dir(top, &flags), read_plugins_dir(top, &flags));
            let limits = top.section("limits", |limits| read_limits(limits, &Limits::default()));
            let compile = top.section("engine", read_engine_compile);
            let compile = CompileLimits { bounds: top.section("component", read_bounds), ..compile };
            let (_, _, job_grant) = top.section("jobs", read_jobs);
            let state = top.section("state", read_state);
            let llm = read_upstreams(top, &environment, &mut Vec::new());
            let policy = default_policy(limits, state.quota, job_grant);
            let policy = top.section("grants", |grants| read_grants(grants, &policy, &aliases(&llm)));
            let policies = PolicyFolder::new(&plugins_dir, policy, &llm, environment.clone());
            Rules { policies, compile, approvals: data_dir.join(APPROVALS), plugins_dir }
        });
        let mistakes: Vec<Mistake> = mistakes.into_iter().filter(counts).collect();
        if mistakes.is_empty() { Ok(rules) } else { Err(ConfigError(mistakes)) }
    }
}

fn counts(mistake: &Mistake) -> bool {
    let section = mistake.path.split('.').next().unwrap_or_default();
    SECTIONS.contains(&section) && mistake.path != section
}
