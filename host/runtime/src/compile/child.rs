//! The code that the compiler process runs. It limits its own resources, reads a component from
//! stdin, and writes the compiled code to stdout.
//!
//! The component may be malicious. The process has no environment and no open files except its
//! three pipes, and it ends together with the host that started it.

use std::io::{Read, Write, stdin};
use std::process::abort;
use std::time::Duration;

use hayrick_types::settings::engine::CompileLimits;
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, nice, setrlimit};
use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use crate::compile::bounds::{BoundsError, check};
use crate::compile::config::CompileConfig;
use crate::compile::settings::settings;

/// The component is refused. The output is the reason.
pub(super) const EXIT_REFUSED: u8 = 10;
/// The component exceeds a limit. The output is the name of the limit on the first line, then the
/// reason.
pub(super) const EXIT_LIMIT: u8 = 12;
/// The compiler ran out of memory and was able to report it.
pub(super) const EXIT_NO_MEMORY: u8 = 11;
/// A lower priority than the process that serves requests.
const NICENESS: i32 = 10;
/// Open files: three pipes, and what the standard library opens at the start.
const FILES_MAX: u64 = 16;
/// Address space in addition to the memory limit, for the program, the stacks of its threads, and
/// what allocators reserve.
const EXTRA_ADDRESS_SPACE: u64 = 8 << 30;

/// What the host asks for, passed as an argument.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CompileRequest {
    pub(super) config: CompileConfig,
    /// The size of the component. Stdin stays open after it, and ends when the host does.
    pub(super) component_bytes: usize,
}

/// Why the process failed, other than because of the component.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    #[error("cannot parse the request: {0}")]
    Request(#[from] serde_json::Error),
    #[error("cannot set a resource limit: {0}")]
    Limit(#[from] rustix::io::Errno),
    #[error("cannot exchange data with the host: {0}")]
    Pipe(#[from] std::io::Error),
    #[error("cannot start the engine: {0:#}")]
    Engine(wasmtime::Error),
}

/// Reads a component from stdin, compiles it as `request` says, and writes the code to `out`.
/// Returns the exit code.
///
/// # Errors
/// Something other than the component is wrong.
pub fn run(request: &str, out: &mut impl Write) -> Result<u8, ChildError> {
    let request: CompileRequest = serde_json::from_str(request)?;
    limit(&request.config.limits)?;
    let mut content = Vec::new();
    stdin()
        .lock()
        .take(request.component_bytes as u64)
        .read_to_end(&mut content)?;
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(end_with_the_host)?;
    if let Err(error) = check(&content, &request.config.bounds) {
        return match error {
            BoundsError::Exceeded { limit, .. } => {
                end(out, EXIT_LIMIT, &format!("{limit}\n{error}"))
            }
            BoundsError::Malformed(error) => end(out, EXIT_REFUSED, &invalid(&error.to_string())),
        };
    }
    let engine = Engine::new(&settings()).map_err(ChildError::Engine)?;
    match engine.precompile_component(&content) {
        Ok(artifact) => {
            out.write_all(&artifact)?;
            out.flush()?;
            Ok(0)
        }
        Err(error) if error.is::<wasmtime::error::OutOfMemory>() => Ok(EXIT_NO_MEMORY),
        Err(error) => end(out, EXIT_REFUSED, &invalid(&format!("{error:#}"))),
    }
}

/// Writes the reason and returns the exit code.
fn end(out: &mut impl Write, exit: u8, reason: &str) -> Result<u8, ChildError> {
    out.write_all(reason.as_bytes())?;
    out.flush()?;
    Ok(exit)
}

fn invalid(reason: &str) -> String {
    format!("this is not a valid component, or the file is truncated: {reason}")
}

/// Limits the resources of this process to what compiling needs.
fn limit(limits: &CompileLimits) -> Result<(), ChildError> {
    let memory = limits.compile_memory_bytes_max;
    lower(Resource::Data, memory, memory)?;
    let addresses = memory.saturating_add(EXTRA_ADDRESS_SPACE);
    lower(Resource::As, addresses, addresses)?;
    // At the soft limit, the process gets SIGXCPU, which tells the host why it ended.
    let seconds = whole_seconds(limits.compile_cpu_time_max);
    lower(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    lower(Resource::Core, 0, 0)?;
    // It may not write to any file: its output goes to a pipe.
    lower(Resource::Fsize, 0, 0)?;
    lower(Resource::Nofile, FILES_MAX, FILES_MAX)?;
    // If the system does not allow this, the process keeps its priority.
    let _ = nice(NICENESS);
    Ok(())
}

/// Lowers a limit. Limits that are already lower stay unchanged.
fn lower(resource: Resource, soft: u64, hard: u64) -> Result<(), ChildError> {
    let before = rustix::process::getrlimit(resource);
    let maximum = before.maximum.map_or(hard, |maximum| maximum.min(hard));
    let current = before
        .current
        .map_or(soft, |current| current.min(soft))
        .min(maximum);
    Ok(setrlimit(
        resource,
        Rlimit {
            current: Some(current),
            maximum: Some(maximum),
        },
    )?)
}

/// Rounds up to whole seconds, at least one, because the kernel counts in seconds.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0))
        .max(1)
}

/// Ends this process when stdin ends. Nothing follows the component, so stdin ends only when the
/// host has given up or was killed.
fn end_with_the_host() {
    // An error counts as the end, too.
    let _ = stdin().lock().read(&mut [0]);
    let _ = kill_process(getpid(), Signal::KILL);
    abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }
}
