//! The process that compiles components: a second process of this program.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use hayrick_runtime::compile::child;

/// The path of this program, even if its file has been replaced since the start.
pub fn own_program() -> PathBuf {
    // Linux only; on other systems the path has to do.
    let by_kernel = PathBuf::from("/proc/self/exe");
    if by_kernel.exists() {
        by_kernel
    } else {
        std::env::current_exe().unwrap_or(by_kernel)
    }
}

/// Compiles one component from stdin to `out`, in a process of its own; returns the exit code.
///
/// # Errors
/// Something other than the component failed.
pub fn compile(order: &str, out: &mut impl Write) -> anyhow::Result<u8> {
    child::run(order, out).context("cannot compile")
}
