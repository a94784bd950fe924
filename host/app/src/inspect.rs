//! What a `.wasm` file is, and whether this server's limits would let it in.

use std::path::Path;

use anyhow::Context;
use host_runtime::inspect::Inspection;
use host_types::limits::Limits;

use crate::limits::read_limits;
use crate::mistake::ConfigError;
use crate::section::Section;
use crate::settings::Settings;

/// Looks into the file as a deploy would, without running it.
///
/// # Errors
/// The file cannot be read, or `[limits]` has mistakes.
pub fn inspect(settings: Settings, path: &Path) -> anyhow::Result<Inspection> {
    let (limits, mistakes) = Section::read(settings.file, |top| top.section("limits", |limits| read_limits(limits, &Limits::default())));
    let mistakes: Vec<_> = mistakes.into_iter().filter(|mistake| mistake.path.starts_with("limits.")).collect();
    if !mistakes.is_empty() {
        return Err(ConfigError(mistakes).into());
    }
    host_runtime::inspect::inspect(path, &limits).with_context(|| format!("{} cannot be inspected", path.display()))
}
