//! A row: everything about one setting.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::limit_name::LimitName;

/// The type of a setting, and its valid values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Count(RangeInclusive<u64>),
    /// Bytes: a whole number, or text such as `"256 MiB"`.
    Bytes(RangeInclusive<u64>),
    /// Text such as `"10s"`.
    Duration(RangeInclusive<Duration>),
    /// `true` or `false`.
    Flag,
    /// One of these keywords.
    Choice(&'static [&'static str]),
    /// A list of texts.
    List,
    /// Text; the string names the kind of text.
    Text(&'static str),
}

/// The default of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Of a count, or of bytes.
    Number(u64),
    Duration(Duration),
    Flag(bool),
    Text(&'static str),
    List(&'static [&'static str]),
    /// No value; the string describes what that means.
    Absent(&'static str),
    /// It must be set.
    Required,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key in its section; empty if the setting has only a flag or a variable.
    pub key: &'static str,
    pub kind: Kind,
    pub preset: Preset,
    /// The default shown on the page, if it depends on the machine or on other settings.
    pub preset_text: Option<&'static str>,
    /// The description.
    pub doc: &'static str,
    /// The limit that it sets, if any.
    pub limit: Option<LimitName>,
    /// The flag of `hayrick serve` that sets it.
    pub flag: Option<&'static str>,
    /// The environment variable that sets it.
    pub variable: Option<&'static str>,
}

/// Where a section can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In `hayrick.toml`.
    Settings,
    /// In a plugin's own file, `plugins/NAME.toml`.
    Plugin,
    /// On the command line and in the environment only.
    Process,
}

/// A section and its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub place: Place,
    /// Its path with placeholders for names that the operator chooses, such as `upstreams.ALIAS`;
    /// empty for the top level.
    pub path: &'static str,
    /// Its heading, if that is not the path in brackets.
    pub heading: Option<&'static str>,
    pub doc: &'static str,
    /// Its rows, grouped by table.
    pub rows: &'static [&'static [Row]],
}

impl Row {
    /// A row that can only be set in a file, for keys that a hand-written function reads.
    pub const fn new(key: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Row {
        Row {
            key,
            kind,
            preset,
            preset_text: None,
            doc,
            limit: None,
            flag: None,
            variable: None,
        }
    }

    /// The same row with a flag and its variable.
    #[must_use]
    pub const fn flag(self, flag: &'static str, variable: &'static str) -> Row {
        Row {
            flag: Some(flag),
            variable: Some(variable),
            ..self
        }
    }

    /// The same row with a variable.
    #[must_use]
    pub const fn variable(self, variable: &'static str) -> Row {
        Row {
            variable: Some(variable),
            ..self
        }
    }
}

impl Section {
    /// Every row of the section.
    pub fn all_rows(&self) -> impl Iterator<Item = &'static Row> {
        self.rows.iter().copied().flatten()
    }

    /// The full path of a key of this section.
    pub fn path_of(&self, row: &Row) -> String {
        if self.path.is_empty() {
            row.key.to_owned()
        } else {
            format!("{}.{}", self.path, row.key)
        }
    }
}
