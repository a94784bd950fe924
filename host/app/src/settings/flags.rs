//! Settings from flags and from the variables of flags.

use std::collections::BTreeSet;
use std::path::PathBuf;

use hayrick_types::settings::row::Row;
use toml::Value;

use crate::settings::found::Source;
use crate::settings::section::Section;

/// The flags. `None` means that the file or the default decides.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub plugins_dir: Option<PathBuf>,
    pub data_dir: Option<PathBuf>,
    pub config: Option<PathBuf>,
    /// Listen on an address that other machines can reach, and accept requests without a key.
    pub insecure: bool,
    /// The flags that were given on the command line, such as `--port`; the others come from their
    /// variables. Only used to show the source of a value.
    pub on_command_line: BTreeSet<&'static str>,
}

impl Flags {
    /// The source of a value that was set by the flag of a row, or by its variable.
    pub fn source(&self, row: &'static Row) -> Source {
        match (row.flag, row.variable) {
            (Some(flag), _) if self.on_command_line.contains(flag) => Source::Flag(flag),
            (_, Some(variable)) => Source::Variable(variable),
            _ => Source::Default,
        }
    }

    /// Picks the value of a flag, else of the file, else the default, and records its source.
    pub fn pick<T>(
        &self,
        section: &mut Section,
        row: &'static Row,
        (by_flag, in_file, default): (Option<T>, Option<T>, T),
        shown: impl FnOnce(&T) -> Value,
    ) -> T {
        let (value, source) = match (by_flag, in_file) {
            (Some(value), _) => (value, self.source(row)),
            (None, Some(value)) => (value, Source::File),
            (None, None) => (default, Source::Default),
        };
        section.record(row.key, Some(shown(&value)), source);
        value
    }
}
