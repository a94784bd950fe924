//! `hayrick config show`: every setting in force, and the source of its value.

use std::collections::BTreeSet;

use anyhow::Context;
use hayrick_types::id::PipelineName;
use hayrick_types::settings::process::{CONFIG, INSECURE, LOG, LOG_FORMAT};
use hayrick_types::settings::row::{Place, Preset, Row, Section};
use hayrick_types::settings::sections::SECTIONS;
use serde_json::{Map, json};
use toml::Value;

use crate::settings::config::Config;
use crate::settings::flags::Flags;
use crate::settings::found::{EffectiveSetting, Source};
use crate::settings::sources::Sources;

/// What is shown.
pub struct EffectiveSettings {
    /// Flags that no file can set.
    flags: Vec<EffectiveSetting>,
    settings: Vec<EffectiveSetting>,
    plugin: Option<(PipelineName, Vec<EffectiveSetting>)>,
}

/// The logging flags, which only `hayrick serve` uses; `None` if they were not given.
pub struct LogFlags {
    pub filter: Option<String>,
    pub format: Option<String>,
}

/// Reads all settings, and also the policy file of `plugin` if given.
///
/// # Errors
/// The settings or the policy file have mistakes, or the name is not a valid pipeline name.
pub fn show(
    sources: Sources,
    log: &LogFlags,
    plugin: Option<&str>,
) -> anyhow::Result<EffectiveSettings> {
    let flags = show_flags(&sources.flags, log);
    let config = Config::resolve(sources)?;
    let settings = in_order(Place::Settings, config.found);
    let plugin = plugin
        .map(|name| {
            let name = PipelineName::parse(name)?;
            let file = config.policies.file_of(&name);
            let found = config
                .policies
                .found(&name)
                .with_context(|| file.display().to_string())?;
            let found = found.into_iter().map(|found| inherited(found, &settings));
            anyhow::Ok((name, in_order(Place::Plugin, found.collect())))
        })
        .transpose()?;
    Ok(EffectiveSettings {
        flags,
        settings,
        plugin,
    })
}

fn show_flags(flags: &Flags, log: &LogFlags) -> Vec<EffectiveSetting> {
    let config = flags.config.as_ref().map(|path| path.display().to_string());
    let insecure = flags.insecure.then_some(Value::Boolean(true));
    vec![
        flag(flags, &CONFIG, config.map(Value::String)),
        flag(flags, &INSECURE, insecure),
        flag(flags, &LOG, log.filter.clone().map(Value::String)),
        flag(flags, &LOG_FORMAT, log.format.clone().map(Value::String)),
    ]
}

fn flag(flags: &Flags, row: &'static Row, value: Option<Value>) -> EffectiveSetting {
    let default = match row.preset {
        Preset::Text(text) => Value::String(text.to_owned()),
        Preset::Flag(flag) => Value::Boolean(flag),
        _ => Value::String(String::new()),
    };
    let source = match &value {
        None => Source::Default,
        Some(_) => flags.source(row),
    };
    EffectiveSetting {
        section: String::new(),
        pattern: String::new(),
        key: row
            .flag
            .unwrap_or_default()
            .trim_start_matches('-')
            .to_owned(),
        value: Some(value.unwrap_or(default)),
        source,
    }
}

/// A setting that a plugin's file does not set has the source of the setting for all plugins.
fn inherited(found: EffectiveSetting, settings: &[EffectiveSetting]) -> EffectiveSetting {
    if found.source != Source::Default {
        return found;
    }
    let (section, key) = match (found.section.as_str(), found.key.as_str()) {
        ("", key) => ("grants", key),
        ("models", key) => ("grants.models", key),
        ("jobs", "running_max") => ("jobs", "plugin_jobs_max"),
        (section, key) => (section, key),
    };
    let general = settings
        .iter()
        .find(|general| general.section == section && general.key == key);
    let source = general.map_or(Source::Default, |general| general.source.clone());
    EffectiveSetting { source, ..found }
}

/// The sections in the order of the settings page.
fn in_order(place: Place, mut found: Vec<EffectiveSetting>) -> Vec<EffectiveSetting> {
    let of_place = |section: &&Section| section.place == place;
    let number = |found: &EffectiveSetting| {
        let mut sections = SECTIONS.iter().filter(of_place);
        sections.position(|section| section.path == found.pattern)
    };
    found.sort_by_key(number);
    found
}

/// The text shown for a setting without a value.
fn absent(place: Place, found: &EffectiveSetting) -> &'static str {
    let section = SECTIONS
        .iter()
        .find(|section| section.place == place && section.path == found.pattern);
    let row = section.and_then(|section| section.all_rows().find(|row| row.key == found.key));
    match row.map(|row| (row.preset_text, row.preset)) {
        Some((Some(text), _) | (None, Preset::Text(text) | Preset::Absent(text))) => text,
        _ => "not set",
    }
}

impl EffectiveSettings {
    /// As TOML with comments.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        lines.push(("# flags".to_owned(), None));
        for found in &self.flags {
            let value = found
                .value
                .as_ref()
                .map(Value::to_string)
                .unwrap_or_default();
            let source = Some(found.source.to_string());
            lines.push((format!("# --{} {value}", found.key), source));
        }
        lines.push((String::new(), None));
        lines.push(("# hayrick.toml".to_owned(), None));
        sections(Place::Settings, &self.settings, &mut lines);
        if let Some((name, found)) = &self.plugin {
            lines.push((String::new(), None));
            lines.push((format!("# the policy of the plugin '{name}'"), None));
            sections(Place::Plugin, found, &mut lines);
        }
        aligned(&lines)
    }

    /// As a JSON document.
    pub fn json(&self) -> serde_json::Value {
        let object = |found: &[EffectiveSetting]| -> Map<String, serde_json::Value> {
            let fields = found.iter().map(|found| {
                let from = match found.source {
                    Source::Flag(name) | Source::Variable(name) => Some(name),
                    _ => None,
                };
                let source = found.source.kind();
                let shown = json!({"value": found.value, "source": source, "from": from});
                (found.path(), shown)
            });
            fields.collect()
        };
        let plugin = self.plugin.as_ref();
        json!({
            "flags": object(&self.flags),
            "settings": object(&self.settings),
            "plugin": plugin.map(|(name, found)| {
                json!({"name": name.as_str(), "settings": object(found)})
            }),
        })
    }
}

/// Adds the lines of all sections, each with its comment.
fn sections(place: Place, found: &[EffectiveSetting], lines: &mut Vec<(String, Option<String>)>) {
    let mut begun = BTreeSet::from([String::new()]);
    for found in found {
        if begun.insert(found.section.clone()) {
            lines.push((String::new(), None));
            lines.push((heading(&found.section), None));
        }
        let key = crate::settings::found::join_path("", &found.key);
        let line = match &found.value {
            Some(value) => format!("{key} = {value}"),
            None => format!("# {key}: {}", absent(place, found)),
        };
        lines.push((line, Some(found.source.to_string())));
    }
}

/// The heading of a section; for a list item, a comment has its number.
fn heading(section: &str) -> String {
    match section.split_once('[') {
        Some((list, number)) => format!("[[{list}]] # {}", number.trim_end_matches(']')),
        None => format!("[{section}]"),
    }
}

/// Joins lines with their comments aligned in one column, unless the line is too long.
fn aligned(lines: &[(String, Option<String>)]) -> String {
    const COLUMN_MAX: usize = 48;
    let commented = lines.iter().filter(|(_, comment)| comment.is_some());
    let widths = commented.map(|(line, _)| line.chars().count());
    let column = widths
        .filter(|width| *width <= COLUMN_MAX)
        .max()
        .unwrap_or(0);
    let lines = lines.iter().map(|(line, comment)| match comment {
        Some(comment) => format!("{line:column$}  # {comment}"),
        None => line.clone(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
