//! The policies of plugins: from `plugins/NAME.toml`, or else the defaults for all plugins.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hayrick_runtime::config::Policies;
use hayrick_services::llm::config::LlmConfig;
use hayrick_services::llm::router::aliases;
use hayrick_types::id::PipelineName;
use hayrick_types::policy::Policy;

use crate::settings::environment::Environment;
use crate::settings::found::{EffectiveSetting, Source};
use crate::settings::grants::{PolicyDefaults, read_plugin};
use crate::settings::mistake::ConfigError;
use crate::settings::section::Section;
use crate::settings::sources::parse_toml;

/// Maximum size of a policy file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The policies of all plugins, read from the plugins folder.
#[derive(Debug)]
pub struct PolicyFolder {
    folder: PathBuf,
    default: PolicyDefaults,
    aliases: BTreeSet<String>,
    environment: Environment,
}

impl PolicyFolder {
    /// The policies of the plugins in `folder`; they may refer to these upstreams and variables.
    pub fn new(
        folder: &Path,
        default: PolicyDefaults,
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

    /// Parses the text of a policy file into the policy and its settings.
    fn parse(
        &self,
        path: &Path,
        text: &str,
    ) -> Result<(Policy, Vec<EffectiveSetting>), ConfigError> {
        let table = parse_toml(path, text)?;
        let (policy, reading) = Section::read(table, Source::PluginFile, |section| {
            read_plugin(section, &self.default, &self.aliases, &self.environment)
        });
        if reading.mistakes.is_empty() {
            Ok((policy, reading.found))
        } else {
            Err(ConfigError(reading.mistakes))
        }
    }

    /// The text of a policy file; `None` if the file does not exist.
    fn text(path: &Path) -> Result<Option<String>, ConfigError> {
        let mistake = |text: String| ConfigError::one(path.display().to_string(), text);
        let unreadable = |error: std::io::Error| mistake(format!("cannot be read: {error}"));
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
            Ok(metadata) if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX => {
                let text = format!("must be a regular file of up to {FILE_BYTES_MAX} bytes");
                return Err(mistake(text));
            }
            Ok(_) => {}
        }
        std::fs::read_to_string(path).map(Some).map_err(unreadable)
    }

    fn read(&self, path: &Path) -> Result<Policy, ConfigError> {
        match PolicyFolder::text(path)? {
            Some(text) => self.parse(path, &text).map(|(policy, _)| policy),
            None => Ok(self.default.policy()),
        }
    }

    /// The path of a plugin's policy file.
    pub fn file_of(&self, name: &PipelineName) -> PathBuf {
        self.folder.join(format!("{name}.toml"))
    }

    /// Every setting of a plugin's policy, whether or not the file exists.
    ///
    /// # Errors
    /// All mistakes in the file.
    pub fn found(&self, name: &PipelineName) -> Result<Vec<EffectiveSetting>, ConfigError> {
        let path = self.file_of(name);
        let text = PolicyFolder::text(&path)?.unwrap_or_default();
        self.parse(&path, &text).map(|(_, found)| found)
    }

    /// Reads the policy file of every plugin that has one.
    ///
    /// # Errors
    /// All mistakes in all files, each with the name of its file.
    pub fn check(&self) -> Result<(), ConfigError> {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()));
        // Other `.toml` files are not policies: a folder in which plugins are built has a
        // Cargo.toml.
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
        let path = self.file_of(name);
        self.read(&path)
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}
