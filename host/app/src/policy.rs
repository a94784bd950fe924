//! What each plugin is granted: `[grants]`, `[limits]`, `[state]` and `[jobs]` of the settings for
//! all, `plugins/NAME.toml` for one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hayrick_runtime::config::Policies;
use hayrick_services::llm::config::LlmConfig;
use hayrick_services::llm::router::aliases;
use hayrick_types::id::PipelineName;
use hayrick_types::limits::Limits;
use hayrick_types::policy::{InstanceClass, Interface, JobGrant, ModelGrant, Policy, StateQuota};

use crate::egress::read_grant;
use crate::environment::Environment;
use crate::limits::read_limits;
use crate::mistake::{ConfigError, did_you_mean};
use crate::section::Section;
use crate::stores::read_quota;

/// Runs of a warm instance when its policy does not say.
const WARM_RUNS_MAX_DEFAULT: u32 = 1000;
const TOKENS: u64 = 1 << 50;
/// Bytes of one value of `[config]`, and how many there may be: they are copied into every run that
/// asks.
const VALUE_BYTES_MAX: usize = 64 << 10;
const VALUES_MAX: usize = 1000;
/// Bytes of a policy file; one that is larger is a mistake.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The policy of every plugin, read from the folder its file lies in.
#[derive(Debug)]
pub struct PolicyFolder {
    folder: PathBuf,
    default: Policy,
    aliases: BTreeSet<String>,
    environment: Environment,
}

/// The policy of a plugin for which nothing is said.
pub fn default_policy(limits: Limits, state: StateQuota, jobs: JobGrant) -> Policy {
    Policy {
        interfaces: Interface::granted_by_default(),
        named: BTreeSet::new(),
        upgrades_may_ask: false,
        models: ModelGrant::default(),
        config: BTreeMap::new(),
        state,
        jobs,
        egress: Arc::default(),
        instance: InstanceClass::Isolated,
        limits,
    }
}

/// Reads `[grants]`, what every plugin is granted unless its own file says otherwise, into
/// `default`.
pub fn read_grants(section: &mut Section, default: &Policy, aliases: &BTreeSet<String>) -> Policy {
    let words = [("named", false), ("any", true)];
    let (policy, _) = read_common(section, default, aliases);
    Policy {
        upgrades_may_ask: section.word("upgrades", default.upgrades_may_ask, &words),
        ..policy
    }
}

/// Reads a plugin's own file; what is absent in it is as in `default`.
fn read_own(
    section: &mut Section,
    default: &Policy,
    aliases: &BTreeSet<String>,
    environment: &Environment,
) -> Policy {
    let (policy, named) = read_common(section, default, aliases);
    Policy {
        named: named.unwrap_or_default(),
        config: read_values(section),
        state: section.section("state", |state| read_quota(state, default.state)),
        jobs: section.section("jobs", |jobs| read_jobs(jobs, default.jobs)),
        egress: Arc::new(read_grant(section, environment)),
        limits: section.section("limits", |limits| read_limits(limits, &default.limits)),
        ..policy
    }
}

/// What both may say, and the interfaces if they are named.
fn read_common(
    section: &mut Section,
    default: &Policy,
    aliases: &BTreeSet<String>,
) -> (Policy, Option<BTreeSet<Interface>>) {
    let named = section.parsed_texts("interfaces", interfaces);
    let policy = Policy {
        interfaces: named.clone().unwrap_or_else(|| default.interfaces.clone()),
        models: section.section("models", |models| {
            read_models(models, &default.models, aliases)
        }),
        instance: read_instance(section, default.instance),
        ..default.clone()
    };
    (policy, named)
}

fn interfaces(words: Vec<String>) -> Result<BTreeSet<Interface>, String> {
    let names = || Interface::ALL.map(Interface::as_str);
    let parse = |word: &String| {
        let near = did_you_mean(word, names());
        Interface::parse(word).ok_or_else(|| {
            format!(
                "'{word}' cannot be granted{near}: write some of {}",
                names().join(", ")
            )
        })
    };
    words.iter().map(parse).collect()
}

fn read_models(
    section: &mut Section,
    default: &ModelGrant,
    aliases: &BTreeSet<String>,
) -> ModelGrant {
    let known = |words: Vec<String>| match words.iter().find(|word| !aliases.contains(*word)) {
        None if words.is_empty() => {
            Err("is empty: leave `llm` out of the interfaces to grant no model".to_owned())
        }
        None => Ok(words),
        Some(word) => {
            let near = did_you_mean(word, aliases.iter().map(String::as_str));
            Err(format!("there is no upstream '{word}'{near}"))
        }
    };
    ModelGrant {
        aliases: section
            .parsed_texts("aliases", known)
            .or_else(|| default.aliases.clone()),
        run_tokens_max: section
            .optional_count("run_tokens_max", 0..=TOKENS)
            .or(default.run_tokens_max),
        day_tokens_max: section
            .optional_count("day_tokens_max", 0..=TOKENS)
            .or(default.day_tokens_max),
    }
}

fn read_instance(section: &mut Section, default: InstanceClass) -> InstanceClass {
    let before = match default {
        InstanceClass::Warm { runs_max } => runs_max,
        InstanceClass::Isolated => WARM_RUNS_MAX_DEFAULT,
    };
    let is_warm = section.word(
        "instance",
        matches!(default, InstanceClass::Warm { .. }),
        &[("isolated", false), ("warm", true)],
    );
    let runs_max = section.count("warm_runs_max", before, 1..=1_000_000_000);
    if is_warm {
        InstanceClass::Warm { runs_max }
    } else {
        InstanceClass::Isolated
    }
}

fn read_jobs(section: &mut Section, default: JobGrant) -> JobGrant {
    JobGrant {
        submit: section.flag("submit", default.submit),
        pending_max: section.count("pending_max", default.pending_max, 0..=1_000_000_000),
        running_max: section.count("running_max", default.running_max, 1..=4096),
    }
}

fn read_values(section: &mut Section) -> BTreeMap<String, String> {
    let values = section.each_text("config", VALUE_BYTES_MAX);
    if values.len() > VALUES_MAX {
        section.mistake(
            "config",
            format!("has {} values; {VALUES_MAX} is the most", values.len()),
        );
    }
    values
}

impl PolicyFolder {
    /// The policies of the plugins in `folder`, which may name these upstreams and variables.
    pub fn new(
        folder: &Path,
        default: Policy,
        llm: &LlmConfig,
        environment: Environment,
    ) -> PolicyFolder {
        PolicyFolder {
            folder: folder.to_owned(),
            default,
            aliases: aliases(llm),
            environment,
        }
    }

    /// The policy in the text of a plugin's file.
    ///
    /// # Errors
    /// Every mistake in it.
    fn parse(&self, path: &Path, text: &str) -> Result<Policy, ConfigError> {
        let table = crate::settings::parse_toml(path, text)?;
        let (policy, mistakes) = Section::read(table, |section| {
            read_own(section, &self.default, &self.aliases, &self.environment)
        });
        if mistakes.is_empty() {
            Ok(policy)
        } else {
            Err(ConfigError(mistakes))
        }
    }

    fn read(&self, path: &Path) -> Result<Policy, ConfigError> {
        let unreadable = |error: &std::io::Error| {
            ConfigError::one(
                path.display().to_string(),
                format!("cannot be read: {error}"),
            )
        };
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self.default.clone()),
            Err(error) => return Err(unreadable(&error)),
            Ok(metadata) if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX => {
                return Err(ConfigError::one(
                    path.display().to_string(),
                    format!("is no file of up to {FILE_BYTES_MAX} bytes"),
                ));
            }
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
        self.parse(path, &text)
    }

    /// Reads the policy file of every plugin there is one for.
    ///
    /// # Errors
    /// Every mistake of every file, under the file's name.
    pub fn check(&self) -> Result<(), ConfigError> {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()));
        // Another `.toml` is somebody else's: a folder of plugins in the making has a Cargo.toml.
        let is_policy = |path: &PathBuf| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
                && path.with_extension("wasm").exists()
        };
        let files = entries.filter(is_policy);
        let mut mistakes = Vec::new();
        for path in files {
            if let Err(ConfigError(found)) = self.read(&path) {
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                mistakes.extend(found.into_iter().map(|mistake| mistake.within(&name)));
            }
        }
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(ConfigError(mistakes))
        }
    }
}

impl Policies for PolicyFolder {
    fn of(&self, name: &PipelineName) -> Result<Policy, String> {
        let path = self.folder.join(format!("{name}.toml"));
        self.read(&path)
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}
