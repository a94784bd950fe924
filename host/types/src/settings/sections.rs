//! All sections, in the order of the settings page.

use crate::settings::component::ComponentBounds;
use crate::settings::egress::EgressSettings;
use crate::settings::engine::{CompileLimits, EngineSettings};
use crate::settings::jobs::{JobsSettings, Retention};
use crate::settings::keys::KeysSettings;
use crate::settings::limits::Limits;
use crate::settings::plugin::{
    CONFIG_ROWS, EGRESS_RULE_ROWS, INTERFACES_ROWS, InstanceSettings, JobGrant, ModelGrant,
    SECRET_ROWS, UpgradeSettings,
};
use crate::settings::process::{FLAG_ROWS, TOP_ROWS, VARIABLE_ROWS};
use crate::settings::row::{Place, Row, Section};
use crate::settings::server::{ADDRESS_ROWS, ServerSettings};
use crate::settings::state::{StateQuota, StateRetention};
use crate::settings::tasks::TasksSettings;
use crate::settings::upstream::{CacheSettings, SERVER_ROWS, UpstreamSettings};

/// A section of `hayrick.toml`.
const fn settings(
    path: &'static str,
    doc: &'static str,
    rows: &'static [&'static [Row]],
) -> Section {
    Section {
        place: Place::Settings,
        path,
        heading: None,
        doc,
        rows,
    }
}

/// A section of a plugin's file.
const fn plugin(path: &'static str, doc: &'static str, rows: &'static [&'static [Row]]) -> Section {
    Section {
        place: Place::Plugin,
        path,
        heading: None,
        doc,
        rows,
    }
}

/// Settings without a section in a file.
const fn process(doc: &'static str, rows: &'static [&'static [Row]]) -> Section {
    Section {
        place: Place::Process,
        path: "",
        heading: None,
        doc,
        rows,
    }
}

/// All sections.
pub const SECTIONS: &[Section] = &[
    process(
        "Flags of `hayrick serve` that cannot be set in a file, with their variables. Flags that \
         set a key of hayrick.toml are listed with that key.",
        &[FLAG_ROWS],
    ),
    process("Other environment variables.", &[VARIABLE_ROWS]),
    settings("", "Folders, and the default model.", &[TOP_ROWS]),
    settings(
        "server",
        "Where the server listens, and what clients may send.",
        &[ADDRESS_ROWS, ServerSettings::ROWS],
    ),
    settings("keys", "API keys of clients.", &[KeysSettings::ROWS]),
    settings(
        "limits",
        "Limits of the runs of each plugin; per run unless the description says otherwise.",
        &[Limits::ROWS],
    ),
    settings(
        "engine",
        "What all plugins together may use, and what compiling one component may use.",
        &[EngineSettings::ROWS, CompileLimits::ROWS],
    ),
    settings(
        "component",
        "How many parts a component may have, counted before it is compiled.",
        &[ComponentBounds::ROWS],
    ),
    settings(
        "grants",
        "What every plugin is granted. A plugin's own file overrides it.",
        &[
            INTERFACES_ROWS,
            InstanceSettings::ROWS,
            UpgradeSettings::ROWS,
        ],
    ),
    settings(
        "grants.models",
        "Which models every plugin may use. A plugin's own file overrides it.",
        &[ModelGrant::ROWS],
    ),
    settings(
        "jobs",
        "The job queue.",
        &[JobsSettings::ROWS, Retention::ROWS],
    ),
    settings("tasks", "Records of runs (tasks).", &[TasksSettings::ROWS]),
    settings(
        "state",
        "How much state each plugin may store, which a plugin's own file overrides, and how long \
         that of removed ones is kept.",
        &[StateQuota::ROWS, StateRetention::ROWS],
    ),
    settings(
        "egress",
        "Limits of the HTTP requests of plugins. The destinations are allowed in the plugins' own \
         files.",
        &[EgressSettings::ROWS],
    ),
    settings(
        "upstreams.ALIAS",
        "A model server. Plugins and clients refer to it as ALIAS.",
        &[SERVER_ROWS, UpstreamSettings::ROWS],
    ),
    settings(
        "upstreams.ALIAS.cache",
        "With this section, equal requests are answered from an in-memory cache.",
        &[CacheSettings::ROWS],
    ),
    plugin(
        "",
        "What the plugin may import, and how long its instances live.",
        &[INTERFACES_ROWS, InstanceSettings::ROWS],
    ),
    plugin(
        "models",
        "Which models the plugin may use.",
        &[ModelGrant::ROWS],
    ),
    plugin("config", "Values for the plugin.", &[CONFIG_ROWS]),
    plugin(
        "limits",
        "Limits of the plugin's runs. Defaults are those of `[limits]` in hayrick.toml.",
        &[Limits::ROWS],
    ),
    plugin(
        "state",
        "How much state the plugin may store. Defaults are those of `[state]` in hayrick.toml.",
        &[StateQuota::ROWS],
    ),
    plugin(
        "jobs",
        "What the plugin may do with the job queue.",
        &[JobGrant::ROWS],
    ),
    Section {
        heading: Some("[[egress]]"),
        ..plugin(
            "egress",
            "HTTP requests that the plugin may make; repeat the section for each destination.",
            &[EGRESS_RULE_ROWS],
        )
    },
    plugin(
        "secrets.NAME",
        "A secret that the host adds to the plugin's HTTP requests.",
        &[SECRET_ROWS],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::row::{Kind, Preset};

    fn rows() -> impl Iterator<Item = (&'static Section, &'static Row)> {
        SECTIONS
            .iter()
            .flat_map(|section| section.all_rows().map(move |row| (section, row)))
    }

    #[test]
    fn every_row_has_a_description_and_is_unique() {
        let mut seen = BTreeSet::new();
        for (section, row) in rows() {
            let name = row.flag.or(row.variable).unwrap_or(row.key);
            let path = format!("{:?} {} {name}", section.place, section.path_of(row));
            assert!(row.doc.trim().ends_with('.'), "{path}: {}", row.doc);
            assert_eq!(
                row.key.is_empty(),
                section.place == Place::Process,
                "{path}"
            );
            assert!(seen.insert(path.clone()), "{path} is there twice");
        }
    }

    #[test]
    fn every_default_has_the_right_kind_and_is_in_range() {
        for (section, row) in rows() {
            let fits = match (&row.kind, row.preset) {
                (Kind::Count(range) | Kind::Bytes(range), Preset::Number(number)) => {
                    range.contains(&number)
                }
                (Kind::Duration(range), Preset::Duration(duration)) => range.contains(&duration),
                (Kind::Flag, Preset::Flag(_)) | (Kind::List, Preset::List(_)) => true,
                (Kind::Choice(keywords), Preset::Text(keyword)) => keywords.contains(&keyword),
                (Kind::Text(_), Preset::Text(_) | Preset::Required | Preset::Absent(_)) => true,
                (Kind::Count(_) | Kind::List, Preset::Absent(_)) => true,
                _ => false,
            };
            assert!(
                fits,
                "{}: {:?} {:?}",
                section.path_of(row),
                row.kind,
                row.preset
            );
        }
    }

    #[test]
    fn tables_generate_defaults() {
        assert_eq!(Limits::default().memory_bytes_max, 256 << 20);
        assert_eq!(ServerSettings::default().forwarded_headers.len(), 3);
        assert_eq!(ModelGrant::default().aliases, None);
    }
}
