//! What was said by flag, or by the variable of a flag.

use std::collections::BTreeSet;
use std::path::PathBuf;

use hayrick_types::settings::row::Row;
use toml::Value;

use crate::settings::found::Source;
use crate::settings::section::Section;

/// The flags; `None` leaves it to the file and the defaults.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub plugins_dir: Option<PathBuf>,
    pub data_dir: Option<PathBuf>,
    pub config: Option<PathBuf>,
    /// Serve on an address other machines reach, and accept requests without a key.
    pub insecure: bool,
    /// Those that were given on the command line, such as `--port`; the others come from their
    /// variables. Matters only where it is shown where a value comes from.
    pub on_command_line: BTreeSet<&'static str>,
}

impl Flags {
    /// Where the value of a row's flag comes from, if it has one.
    pub fn source(&self, row: &'static Row) -> Source {
        match (row.flag, row.variable) {
            (Some(flag), _) if self.on_command_line.contains(flag) => Source::Flag(flag),
            (_, Some(variable)) => Source::Variable(variable),
            _ => Source::Default,
        }
    }

    /// A setting that a flag sets, else the file, else nobody; records which.
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
