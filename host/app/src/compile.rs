//! The process that compiles components: this program, started again.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use hayrick_runtime::compile::child;

/// This program, even if another has taken its path since it started.
pub fn own_program() -> PathBuf {
    // The kernel's own name for it; elsewhere the path has to do.
    let by_kernel = PathBuf::from("/proc/self/exe");
    if by_kernel.exists() {
        by_kernel
    } else {
        std::env::current_exe().unwrap_or(by_kernel)
    }
}

/// The process that compiles one component, from stdin to `out`; gives its exit code.
///
/// # Errors
/// Something other than the component is wrong.
pub fn compile(order: &str, out: &mut impl Write) -> anyhow::Result<u8> {
    child::run(order, out).context("cannot compile")
}
