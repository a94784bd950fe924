//! What the user said, by flag, environment and file, before anything is made of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Table;

use crate::environment::Environment;
use crate::mistake::ConfigError;

/// The file that is read when none is named.
pub const FILE_DEFAULT: &str = "hayrick.toml";

/// What was said by flag, or by the flag's variable; `None` leaves it to the file and the defaults.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub plugins_dir: Option<PathBuf>,
    pub data_dir: Option<PathBuf>,
    pub config: Option<PathBuf>,
    /// Serve on an address other machines reach, and let in who shows no key.
    pub insecure: bool,
}

/// Everything the user said.
pub struct Settings {
    pub flags: Flags,
    /// The settings file; empty when there is none.
    pub file: Table,
    pub environment: Environment,
}

impl Settings {
    /// Reads the settings file beside the flags and the environment.
    ///
    /// # Errors
    /// A file that was named and is not there, cannot be read, or is no TOML. An absent default
    /// file is none.
    pub fn read(flags: Flags, environment: Environment) -> Result<Settings, ConfigError> {
        let path = flags.config.clone().unwrap_or_else(|| FILE_DEFAULT.into());
        let text = read_file(&path, flags.config.is_some())?;
        let file = parse_toml(&path, &text)?;
        Ok(Settings {
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
/// It is no TOML.
pub fn parse_toml(path: &Path, text: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error| not_toml(path, &error))
}

fn not_toml(path: &Path, error: &toml::de::Error) -> ConfigError {
    // TOML's own message has several lines with a picture of the place; they are set under the
    // path.
    let picture: String = error
        .to_string()
        .trim_end()
        .lines()
        .map(|line| format!("\n    {line}"))
        .collect();
    ConfigError::one(path.display().to_string(), format!("is not TOML:{picture}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<Settings, ConfigError> {
        Settings::read(
            Flags {
                config: Some(path.to_owned()),
                ..Flags::default()
            },
            Environment::default(),
        )
    }

    #[test]
    fn a_named_file_must_be_there_and_be_toml() {
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
            broken.contains("is not TOML") && broken.contains("line 2"),
            "{broken}"
        );
        std::fs::write(&path, "[server]\nport = 1").unwrap();
        assert!(read(&path).unwrap().file.contains_key("server"));
        std::fs::remove_file(&path).unwrap();
    }
}
