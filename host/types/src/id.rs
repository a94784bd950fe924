//! Names and ids that are parsed once and then trusted.

use std::fmt;

use uuid::Uuid;

/// Longest pipeline name, in bytes; it is a file name, a URL segment and a metric label.
pub const PIPELINE_NAME_BYTES_MAX: usize = 64;

/// First path segments that belong to the API, or are likely to: a pipeline of that name would
/// shadow them. In lower case.
pub const RESERVED_NAMES: &[&str] = &[
    "a2a",
    "admin",
    "api",
    "assistants",
    "audio",
    "audit",
    "batches",
    "chat",
    "completions",
    "config",
    "deploy",
    "deploy_files",
    "docs",
    "draw",
    "embeddings",
    "events",
    "favicon.ico",
    "files",
    "fine_tuning",
    "hayrick",
    "health",
    "healthz",
    "images",
    "job",
    "jobs",
    "keys",
    "livez",
    "mcp",
    "metrics",
    "models",
    "moderations",
    "openapi.json",
    "plugins",
    "readyz",
    "realtime",
    "redoc",
    "responses",
    "robots.txt",
    "run",
    "runs",
    "state",
    "static",
    "status",
    "tasks",
    "threads",
    "ui",
    "undeploy",
    "uploads",
    "v1",
    "v2",
    "vector_stores",
    "well-known",
];

/// What Windows takes for a device whatever follows a dot: such a file cannot be copied there.
const DEVICES: &[&str] = &["aux", "con", "nul", "prn"];
/// Devices that have a digit behind their names.
const NUMBERED_DEVICES: &[&str] = &["com", "lpt"];

/// A pipeline's name: the name of its file without `.wasm`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineName(String);

/// Why a word is no pipeline name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error(
        "a pipeline's name has 1 to {PIPELINE_NAME_BYTES_MAX} bytes; '{0}' has not: rename the file"
    )]
    Length(String),
    #[error(
        "a pipeline's name is made of letters, digits, '-', '_' and '.', and starts with a letter \
         or digit; '{0}' is not: rename the file"
    )]
    Alphabet(String),
    #[error("'{0}' is a device on some systems, or ends with a dot: rename the file")]
    Device(String),
    #[error("'{0}' is a route of the API, so no pipeline can have that name: rename the file")]
    Reserved(String),
}

impl PipelineName {
    /// Checks length, alphabet, that it is a file's name anywhere, and that no route of the API is
    /// shadowed.
    ///
    /// # Errors
    /// Says which of them is wrong.
    pub fn parse(word: &str) -> Result<PipelineName, NameError> {
        if word.is_empty() || word.len() > PIPELINE_NAME_BYTES_MAX {
            return Err(NameError::Length(
                word.chars().take(PIPELINE_NAME_BYTES_MAX).collect(),
            ));
        }
        let starts_well = word.starts_with(|first: char| first.is_ascii_alphanumeric());
        let in_alphabet = word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'));
        if !starts_well || !in_alphabet {
            return Err(NameError::Alphabet(word.escape_default().to_string()));
        }
        let lower = word.to_ascii_lowercase();
        if is_device(&lower) {
            return Err(NameError::Device(word.to_owned()));
        }
        if RESERVED_NAMES.contains(&lower.as_str()) {
            return Err(NameError::Reserved(word.to_owned()));
        }
        Ok(PipelineName(word.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_device(lower: &str) -> bool {
    let stem = lower.split('.').next().unwrap_or_default();
    let is_numbered = |device: &&str| {
        stem.strip_prefix(*device)
            .is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']))
    };
    lower.ends_with('.') || DEVICES.contains(&stem) || NUMBERED_DEVICES.iter().any(is_numbered)
}

impl fmt::Display for PipelineName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// One run of a pipeline. It is in the answer's headers, in the log and in the error of a run that
/// failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Uuid);

impl RunId {
    /// A fresh id; later ids sort after earlier ones (UUID version 7).
    #[expect(
        clippy::disallowed_methods,
        reason = "an id is made here and nowhere else"
    )]
    pub fn fresh() -> RunId {
        RunId(Uuid::now_v7())
    }

    /// Reads an id, with or without hyphens.
    pub fn parse(word: &str) -> Option<RunId> {
        Uuid::try_parse(word).ok().map(RunId)
    }

    /// The id that [`RunId::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; 16]) -> RunId {
        RunId(Uuid::from_bytes(bytes))
    }

    /// The shortest form, in the order of the ids themselves.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_climb_shadow_or_hide_are_refused() {
        let climbs = [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "../a",
            "/etc/passwd",
            "a\\b",
            "C:\\a",
            "C:a",
            "a\0b",
            "%2e%2e",
            "%2e%2e%2fa",
            "a\n",
            "~",
        ];
        // A Cyrillic a, a full-width one, a dotless i, a zero-width space, an accent of its own.
        let look_alikes = [
            "\u{430}sync",
            "\u{ff41}",
            "st\u{131}",
            "a\u{200b}",
            "e\u{301}",
            "ü",
            "a b",
            "-x",
            "_x",
        ];
        let shadows = [
            "status",
            "V1",
            "Health",
            "DEPLOY",
            "undeploy",
            "keys",
            "openapi.json",
        ];
        let devices = [
            "con", "NUL", "con.x", "Com1", "lpt9.txt", "aux", "prn.", "a.",
        ];
        for word in climbs
            .iter()
            .chain(&look_alikes)
            .chain(&shadows)
            .chain(&devices)
        {
            assert!(PipelineName::parse(word).is_err(), "{word:?} was accepted");
        }
        assert!(PipelineName::parse(&"a".repeat(65)).is_err());
    }

    #[test]
    fn names_of_the_seed_are_accepted() {
        for word in [
            "async-pipeline",
            "batch-async-pipeline",
            "gpt_4.1",
            "console",
            "com",
            "com10",
            "null",
            "a..b",
            &"a".repeat(64),
        ] {
            assert_eq!(PipelineName::parse(word).unwrap().as_str(), word);
        }
    }
}
