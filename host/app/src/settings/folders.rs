//! The plugins folder and the data folder.

use std::path::{Path, PathBuf};

use hayrick_types::settings::process::{DATA_DIR, PLUGINS_DIR};
use hayrick_types::settings::row::{Preset, Row};
use toml::Value;

use crate::settings::flags::Flags;
use crate::settings::section::Section;

/// The file in the data folder that records what plugins asked for.
pub const APPROVALS: &str = "approvals.json";

/// Where the data is.
pub fn read_data_dir(top: &mut Section, flags: &Flags) -> PathBuf {
    path(top, &DATA_DIR, flags, flags.data_dir.as_deref())
}

/// Where the plugins are.
pub fn read_plugins_dir(top: &mut Section, flags: &Flags) -> PathBuf {
    path(top, &PLUGINS_DIR, flags, flags.plugins_dir.as_deref())
}

fn path(top: &mut Section, row: &'static Row, flags: &Flags, by_flag: Option<&Path>) -> PathBuf {
    let in_file = top.unrecorded(row.key, |text| Ok(PathBuf::from(text)));
    let default = match row.preset {
        Preset::Text(path) => PathBuf::from(path),
        _ => PathBuf::new(),
    };
    let choices = (by_flag.map(Path::to_owned), in_file, default);
    flags.pick(top, row, choices, |path| {
        Value::String(path.display().to_string())
    })
}
