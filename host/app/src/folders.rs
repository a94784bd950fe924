//! Where plugins and data lie.

use std::path::PathBuf;

use crate::section::Section;
use crate::settings::Flags;

/// Where plugins lie when nobody says otherwise.
pub const PLUGINS_DIR_DEFAULT: &str = "plugins";
/// Where the data lies when nobody says otherwise.
pub const DATA_DIR_DEFAULT: &str = ".hayrick";
/// The file of what plugins asked for, within the data folder.
pub const APPROVALS: &str = "approvals.json";

/// Where the data lies.
pub fn read_data_dir(top: &mut Section, flags: &Flags) -> PathBuf {
    path(top, "data_dir", flags.data_dir.clone(), DATA_DIR_DEFAULT)
}

/// Where the plugins lie.
pub fn read_plugins_dir(top: &mut Section, flags: &Flags) -> PathBuf {
    path(
        top,
        "plugins_dir",
        flags.plugins_dir.clone(),
        PLUGINS_DIR_DEFAULT,
    )
}

fn path(top: &mut Section, key: &'static str, by_flag: Option<PathBuf>, default: &str) -> PathBuf {
    let in_file = top.text(key).map(PathBuf::from);
    by_flag.or(in_file).unwrap_or_else(|| default.into())
}
