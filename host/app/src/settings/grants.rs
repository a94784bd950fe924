//! What plugins are granted: by `[grants]` for all plugins, by a plugin's own file for one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hayrick_types::policy::{Interface, Policy};
use hayrick_types::settings::limits::Limits;
use hayrick_types::settings::plugin::{
    InstanceSettings, JobGrant, ModelGrant, UpgradeRule, UpgradeSettings,
};
use hayrick_types::settings::state::StateQuota;

use crate::settings::egress_rules::read_grant;
use crate::settings::environment::Environment;
use crate::settings::found::Source;
use crate::settings::mistake::did_you_mean;
use crate::settings::section::Section;
use crate::settings::value;

/// Maximum size of one value of `[config]`, and maximum number of values: they are copied into
/// every run that reads them.
const VALUE_BYTES_MAX: usize = 64 << 10;
const VALUES_MAX: usize = 1000;

/// What a plugin is granted unless its own file overrides it.
#[derive(Debug, Clone)]
pub struct PolicyDefaults {
    pub interfaces: BTreeSet<Interface>,
    pub models: ModelGrant,
    pub instance: InstanceSettings,
    pub upgrades: UpgradeSettings,
    pub state: StateQuota,
    pub jobs: JobGrant,
    pub limits: Limits,
}

impl PolicyDefaults {
    /// The defaults with these `[limits]`, `[state]` and `[jobs]`, and an empty `[grants]`.
    pub fn new(limits: Limits, state: StateQuota, jobs: JobGrant) -> PolicyDefaults {
        PolicyDefaults {
            interfaces: Interface::granted_by_default(),
            models: ModelGrant::default(),
            instance: InstanceSettings::default(),
            upgrades: UpgradeSettings::default(),
            state,
            jobs,
            limits,
        }
    }

    /// The policy of a plugin without its own file.
    pub fn policy(&self) -> Policy {
        Policy {
            interfaces: self.interfaces.clone(),
            named: BTreeSet::new(),
            upgrades_may_ask: self.upgrades.upgrades == UpgradeRule::Any,
            models: self.models.clone(),
            config: BTreeMap::new(),
            state: self.state,
            jobs: self.jobs,
            egress: Arc::default(),
            instance: self.instance.into(),
            limits: self.limits.clone(),
        }
    }
}

/// Reads `[grants]`: what every plugin is granted unless its own file overrides it.
pub fn read_grants(
    section: &mut Section,
    default: PolicyDefaults,
    aliases: &BTreeSet<String>,
) -> PolicyDefaults {
    let interfaces = read_interfaces(section, &default.interfaces);
    PolicyDefaults {
        interfaces: interfaces.unwrap_or(default.interfaces),
        models: read_models(section, &default.models, aliases),
        instance: InstanceSettings::read(section, &default.instance),
        upgrades: UpgradeSettings::read(section, &default.upgrades),
        ..default
    }
}

/// Reads a plugin's own file; `default` supplies what it does not set.
pub fn read_plugin(
    section: &mut Section,
    default: &PolicyDefaults,
    aliases: &BTreeSet<String>,
    environment: &Environment,
) -> Policy {
    let named = read_interfaces(section, &default.interfaces);
    let granted = PolicyDefaults {
        interfaces: named.clone().unwrap_or_else(|| default.interfaces.clone()),
        models: read_models(section, &default.models, aliases),
        instance: InstanceSettings::read(section, &default.instance),
        upgrades: default.upgrades,
        state: section.section("state", |state| StateQuota::read(state, &default.state)),
        jobs: section.section("jobs", |jobs| JobGrant::read(jobs, &default.jobs)),
        limits: section.section("limits", |limits| Limits::read(limits, &default.limits)),
    };
    Policy {
        named: named.unwrap_or_default(),
        config: read_values(section),
        egress: Arc::new(read_grant(section, environment)),
        ..granted.policy()
    }
}

/// The interfaces that are named, if any.
fn read_interfaces(
    section: &mut Section,
    default: &BTreeSet<Interface>,
) -> Option<BTreeSet<Interface>> {
    const KEY: &str = "interfaces";
    let named = section.unrecorded_list(KEY, interfaces);
    let names = |interfaces: &BTreeSet<Interface>| {
        let names: Vec<String> = interfaces
            .iter()
            .map(|interface| interface.as_str().to_owned())
            .collect();
        value::of_list(&names)
    };
    let (shown, source) = match &named {
        Some(named) => (names(named), section.file()),
        None => (names(default), Source::Default),
    };
    section.record(KEY, Some(shown), source);
    named
}

fn interfaces(names: Vec<String>) -> Result<BTreeSet<Interface>, String> {
    let known = || Interface::ALL.map(Interface::as_str);
    let parse = |name: &String| {
        Interface::parse(name).ok_or_else(|| {
            let near = did_you_mean(name, known());
            format!(
                "unknown interface '{name}'{near}: the interfaces are {}",
                known().join(", ")
            )
        })
    };
    names.iter().map(parse).collect()
}

fn read_models(
    section: &mut Section,
    default: &ModelGrant,
    aliases: &BTreeSet<String>,
) -> ModelGrant {
    section.section("models", |models| {
        let grant = ModelGrant::read(models, default);
        let named = grant.aliases.as_deref().unwrap_or_default();
        if grant.aliases.is_some() && named.is_empty() {
            models.mistake(
                "aliases",
                "is empty: to grant no models, remove `llm` from the interfaces",
            );
        }
        if let Some(unknown) = named.iter().find(|alias| !aliases.contains(*alias)) {
            let near = did_you_mean(unknown, aliases.iter().map(String::as_str));
            models.mistake("aliases", format!("there is no upstream '{unknown}'{near}"));
        }
        grant
    })
}

fn read_values(section: &mut Section) -> BTreeMap<String, String> {
    let values = section.each_text("config", VALUE_BYTES_MAX);
    if values.len() > VALUES_MAX {
        section.mistake(
            "config",
            format!(
                "has {} values: at most {VALUES_MAX} are allowed",
                values.len()
            ),
        );
    }
    values
}
