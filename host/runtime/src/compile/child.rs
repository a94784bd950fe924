//! The process that compiles: it limits itself, reads a component from its input, and writes the
//! code to its output.
//!
//! What it reads may be made to hurt it. It has no environment, no files but its three pipes, and
//! no longer life than the host that started it.

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

/// The component is refused: the output has the reason, in a sentence.
pub(super) const EXIT_REFUSED: u8 = 10;
/// The component exceeds a limit: the output has the limit's name, then the reason on a line of its
/// own.
pub(super) const EXIT_LIMIT: u8 = 12;
/// The compiler had no memory left and could say so.
pub(super) const EXIT_NO_MEMORY: u8 = 11;
/// Below whatever serves requests.
const NICENESS: i32 = 10;
/// Open files: three pipes, and what the standard library looks up at the start.
const FILES_MAX: u64 = 16;
/// Addresses beside memory that is written: the program, the stacks of its threads, what allocators
/// set aside.
const ADDRESSES_BESIDE: u64 = 8 << 30;

/// What the host asks for; it comes as an argument.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) config: CompileConfig,
    /// Of the component, which comes over the input and is followed by nothing: its end is the
    /// host's.
    pub(super) component_bytes: usize,
}

/// Why there is no code.
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

/// Compiles one component as `order` says, from stdin to `out`; the result is the exit code.
///
/// # Errors
/// Something other than the component is wrong.
pub fn run(order: &str, out: &mut impl Write) -> Result<u8, ChildError> {
    let order: Order = serde_json::from_str(order)?;
    limit(&order.config.limits)?;
    let mut content = Vec::new();
    stdin()
        .lock()
        .take(order.component_bytes as u64)
        .read_to_end(&mut content)?;
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(end_with_the_host)?;
    if let Err(error) = check(&content, &order.config.bounds) {
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

/// Writes why there is no code.
fn end(out: &mut impl Write, exit: u8, reason: &str) -> Result<u8, ChildError> {
    out.write_all(reason.as_bytes())?;
    out.flush()?;
    Ok(exit)
}

fn invalid(reason: &str) -> String {
    format!("this is not a valid component, or the file is truncated: {reason}")
}

/// Takes from this process what compiling does not need.
fn limit(limits: &CompileLimits) -> Result<(), ChildError> {
    let at_most = |resource, soft: u64, hard: u64| lower(resource, soft, hard);
    let memory = limits.compile_memory_bytes_max;
    at_most(Resource::Data, memory, memory)?;
    let addresses = memory.saturating_add(ADDRESSES_BESIDE);
    at_most(Resource::As, addresses, addresses)?;
    // The soft limit ends it with a signal of its own, which tells the host why.
    let seconds = whole_seconds(limits.compile_cpu_time_max);
    at_most(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    at_most(Resource::Core, 0, 0)?;
    // No byte to any file: what it makes goes through a pipe.
    at_most(Resource::Fsize, 0, 0)?;
    at_most(Resource::Nofile, FILES_MAX, FILES_MAX)?;
    // Refused where the operator allows no such thing; then it competes as an equal.
    let _ = nice(NICENESS);
    Ok(())
}

/// A limit that is lower already stays.
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

/// The kernel counts seconds, and takes none for one.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0))
        .max(1)
}

/// Nothing follows the component, so the input ends when the host closes it: it gave up, or it was
/// killed.
fn end_with_the_host() {
    // An error is an end, too.
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
