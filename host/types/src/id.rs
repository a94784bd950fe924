//! Names and ids. A parsed value is always valid.

use std::fmt;

use uuid::Uuid;

/// Maximum length of a pipeline name in bytes. The name is used as a file name, a URL segment and a
/// metric label.
pub const PIPELINE_NAME_BYTES_MAX: usize = 64;

/// First path segments of the API, current and likely ones, in lower case. A pipeline of that name
/// would shadow them.
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

/// Device names on Windows, with any extension: a file of that name cannot be copied there.
const DEVICES: &[&str] = &["aux", "con", "nul", "prn"];
/// Device names that end with a digit.
const NUMBERED_DEVICES: &[&str] = &["com", "lpt"];

/// A pipeline's name: the name of its file without `.wasm`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineName(String);

/// Why a name is not valid for a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error(
        "invalid pipeline name '{0}': use 1 to {PIPELINE_NAME_BYTES_MAX} bytes, and rename the file"
    )]
    Length(String),
    #[error(
        "invalid pipeline name '{0}': use letters, digits, '-', '_' and '.', start with a letter \
         or digit, and rename the file"
    )]
    Alphabet(String),
    #[error("'{0}' is a device name on some systems, or ends with a dot: rename the file")]
    Device(String),
    #[error("'{0}' is a route of the API and cannot be the name of a pipeline: rename the file")]
    Reserved(String),
}

impl PipelineName {
    /// Checks the length and the characters, that the name is a valid file name on every system,
    /// and that it does not shadow a route of the API.
    ///
    /// # Errors
    /// The name is invalid.
    pub fn parse(name: &str) -> Result<PipelineName, NameError> {
        if name.is_empty() || name.len() > PIPELINE_NAME_BYTES_MAX {
            return Err(NameError::Length(
                name.chars().take(PIPELINE_NAME_BYTES_MAX).collect(),
            ));
        }
        let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        let in_alphabet = name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'));
        if !starts_well || !in_alphabet {
            return Err(NameError::Alphabet(name.escape_default().to_string()));
        }
        let lower = name.to_ascii_lowercase();
        if is_device(&lower) {
            return Err(NameError::Device(name.to_owned()));
        }
        if RESERVED_NAMES.contains(&lower.as_str()) {
            return Err(NameError::Reserved(name.to_owned()));
        }
        Ok(PipelineName(name.to_owned()))
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

/// The id of a run. It is in the response headers and in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Uuid);

impl RunId {
    /// A new id; later ids sort after earlier ones (UUID version 7).
    #[expect(
        clippy::disallowed_methods,
        reason = "an id is made here and nowhere else"
    )]
    pub fn fresh() -> RunId {
        RunId(Uuid::now_v7())
    }

    /// Parses an id, with or without hyphens.
    pub fn parse(text: &str) -> Option<RunId> {
        Uuid::try_parse(text).ok().map(RunId)
    }

    /// Decodes the bytes of [`RunId::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> RunId {
        RunId(Uuid::from_bytes(bytes))
    }

    /// The shortest encoding; it sorts like the ids.
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
    fn invalid_misleading_and_reserved_names_are_refused() {
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
        // A Cyrillic a, a full-width a, a dotless i, a zero-width space, a combining accent.
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
        for name in climbs
            .iter()
            .chain(&look_alikes)
            .chain(&shadows)
            .chain(&devices)
        {
            assert!(PipelineName::parse(name).is_err(), "{name:?} was accepted");
        }
        assert!(PipelineName::parse(&"a".repeat(65)).is_err());
    }

    #[test]
    fn names_of_the_seed_are_accepted() {
        for name in [
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
            assert_eq!(PipelineName::parse(name).unwrap().as_str(), name);
        }
    }
}
