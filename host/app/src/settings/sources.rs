//! The raw settings from flags, the environment and the file.

use std::io::ErrorKind;
use std::path::Path;

use toml::Table;

use crate::settings::environment::Environment;
use crate::settings::flags::Flags;
use crate::settings::mistake::ConfigError;

/// The file that is read by default.
pub const FILE_DEFAULT: &str = "hayrick.toml";

/// All sources of settings.
pub struct Sources {
    pub flags: Flags,
    /// The settings file; empty if there is none.
    pub file: Table,
    pub environment: Environment,
}

impl Sources {
    /// Reads the settings file beside the flags and the environment.
    ///
    /// # Errors
    /// A file given explicitly is missing, or the file cannot be read or is not valid TOML. The
    /// default file may be missing.
    pub fn read(flags: Flags, environment: Environment) -> Result<Sources, ConfigError> {
        let path = flags.config.clone().unwrap_or_else(|| FILE_DEFAULT.into());
        let text = read_file(&path, flags.config.is_some())?;
        let file = parse_toml(&path, &text)?;
        Ok(Sources {
            flags,
            file,
            environment,
        })
    }
}

fn read_file(path: &Path, is_named: bool) -> Result<String, ConfigError> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !is_named => Ok(String::new()),
        Err(error) => Err(ConfigError::one(
            path.display().to_string(),
            format!("the settings file cannot be read: {error}"),
        )),
        Ok(text) => Ok(text),
    }
}

/// The table in a file's text.
///
/// # Errors
/// It is not valid TOML.
pub fn parse_toml(path: &Path, text: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error| not_toml(path, &error))
}

fn not_toml(path: &Path, error: &toml::de::Error) -> ConfigError {
    // The TOML parser's message has several lines that quote the place; they are indented below the
    // path.
    let picture: String = error
        .to_string()
        .trim_end()
        .lines()
        .map(|line| format!("\n    {line}"))
        .collect();
    ConfigError::one(
        path.display().to_string(),
        format!("is not valid TOML:{picture}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<Sources, ConfigError> {
        Sources::read(
            Flags {
                config: Some(path.to_owned()),
                ..Flags::default()
            },
            Environment::default(),
        )
    }

    #[test]
    fn an_explicit_settings_file_must_exist_and_be_valid_toml() {
        let path =
            std::env::temp_dir().join(format!("hayrick-settings-{}.toml", std::process::id()));
        let absent = read(&path).err().unwrap().to_string();
        assert!(
            absent.contains("the settings file cannot be read"),
            "{absent}"
        );
        std::fs::write(&path, "[server]\nport = = 1").unwrap();
        let broken = read(&path).err().unwrap().to_string();
        assert!(
            broken.contains("is not valid TOML") && broken.contains("line 2"),
            "{broken}"
        );
        std::fs::write(&path, "[server]\nport = 1").unwrap();
        assert!(read(&path).unwrap().file.contains_key("server"));
        std::fs::remove_file(&path).unwrap();
    }
}
