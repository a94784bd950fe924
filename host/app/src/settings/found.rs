//! The settings that were read, each with its value and the source of the value.

use std::fmt;

use toml::Value;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The settings file.
    File,
    /// The plugin's own file.
    PluginFile,
    /// This flag.
    Flag(&'static str),
    /// This environment variable.
    Variable(&'static str),
}

impl Source {
    /// The kind of source.
    pub fn kind(&self) -> &'static str {
        match self {
            Source::Default => "default",
            Source::File => "file",
            Source::PluginFile => "plugin file",
            Source::Flag(_) => "flag",
            Source::Variable(_) => "variable",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag(name) | Source::Variable(name) => write!(out, "{} {name}", self.kind()),
            other => out.write_str(other.kind()),
        }
    }
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveSetting {
    /// The path of its section: `upstreams.fast`.
    pub section: String,
    /// The same path with placeholders, as in the rows: `upstreams.ALIAS`.
    pub pattern: String,
    pub key: String,
    /// `None` if there is no value; never a secret.
    pub value: Option<Value>,
    pub source: Source,
}

impl EffectiveSetting {
    /// The full path.
    pub fn path(&self) -> String {
        join_path(&self.section, &self.key)
    }
}

/// Appends a key to a path, quoted as TOML requires.
pub fn join_path(parent: &str, key: &str) -> String {
    let key = quoted(key);
    if parent.is_empty() {
        key
    } else {
        format!("{parent}.{key}")
    }
}

/// A key as TOML writes it, in quotes if necessary.
fn quoted(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_".contains(character));
    if is_bare {
        key.to_owned()
    } else {
        format!("\"{}\"", key.escape_default())
    }
}
