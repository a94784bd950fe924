//! What a `.wasm` file is, and whether this server's limits would let it in.

use std::path::Path;

use anyhow::Context;
use host_runtime::compile::limits::CompileLimits;
use host_runtime::inspect::Inspection;

use crate::compile::{own_program, read_bounds};
use crate::config::read_engine;
use crate::limits::read_limits;
use crate::mistake::{ConfigError, Mistake};
use crate::section::Section;
use crate::settings::Settings;

/// The sections that say what is let in.
const SECTIONS: [&str; 3] = ["limits.", "engine.", "component."];

/// Looks into the file as a deploy would, without running it. Not to be called inside a tokio runtime.
///
/// # Errors
/// The file cannot be read, or those sections have mistakes.
pub fn inspect(settings: Settings, path: &Path) -> anyhow::Result<Inspection> {
    let ((limits, compile), mistakes) = Section::read(settings.file, |top| {
        let limits = top.section("limits", read_limits);
        let (_, _, (compile, _)) = top.section("engine", read_engine);
        (limits, CompileLimits { bounds: top.section("component", read_bounds), ..compile })
    });
    let is_ours = |mistake: &Mistake| SECTIONS.iter().any(|section| mistake.path.starts_with(section));
    let mistakes: Vec<_> = mistakes.into_iter().filter(is_ours).collect();
    if !mistakes.is_empty() {
        return Err(ConfigError(mistakes).into());
    }
    // Compiling happens in another process; this one only waits for it.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let inspecting = host_runtime::inspect::inspect(path, &limits, own_program(), compile);
    tokio.block_on(inspecting).with_context(|| format!("{} cannot be inspected", path.display()))
}
