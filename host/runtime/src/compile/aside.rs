//! Has a component compiled by a process of its own, and makes sure of its end.

use std::num::NonZero;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::thread::available_parallelism;

use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::engine::CompileLimits;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::compile::artifact::Artifact;
use crate::compile::child::{EXIT_LIMIT, EXIT_NO_MEMORY, EXIT_REFUSED, Order};
use crate::compile::config::CompileConfig;
use crate::compile::error::CompileError;

/// The hidden command of our own program.
const COMMAND: &str = "compile";
/// Threads of a compilation: more gain little and cost memory each.
const THREADS_MAX: usize = 16;
/// Of what it complains of, and of why it refuses.
const WORDS_BYTES_MAX: u64 = 16 << 10;
/// Characters of a complaint that are shown.
const SHOWN_CHARS_MAX: usize = 300;

/// The process. Dropping it kills it, and whatever it may have started.
struct Compiling(Child);

impl Drop for Compiling {
    fn drop(&mut self) {
        // It has a number until its end was waited for, so no other process can have it.
        let pid = self
            .0
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// All that the process left.
struct Left {
    status: ExitStatus,
    output: Vec<u8>,
    complaint: Vec<u8>,
}

/// Compiles `content` with `program`, which is this one.
///
/// # Errors
/// Which limit it met, or what is wrong with the component.
pub(super) async fn compile(
    program: &Path,
    config: &CompileConfig,
    content: &[u8],
) -> Result<Artifact, CompileError> {
    let order = Order {
        config: config.clone(),
        component_bytes: content.len(),
    };
    let order = serde_json::to_string(&order).map_err(|error| CompileError::Spawn(error.into()))?;
    let limits = &config.limits;
    let mut compiling = start(program, &order).map_err(CompileError::Spawn)?;
    let exchange = exchange(&mut compiling.0, content, limits.artifact_bytes_max);
    let left = tokio::time::timeout(limits.compile_time_max, exchange).await;
    let left = left
        .map_err(|_| CompileError::Time {
            max: limits.compile_time_max,
        })?
        .map_err(CompileError::Spawn)?;
    judge(left, limits)
}

fn start(program: &Path, order: &str) -> std::io::Result<Compiling> {
    let threads = available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS_MAX);
    let mut command = Command::new(program);
    command
        .arg(COMMAND)
        .arg(order)
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .current_dir("/");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A group of its own: a signal from a terminal is for the host, which ends this one itself.
    command
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map(Compiling)
}

async fn exchange(
    child: &mut Child,
    content: &[u8],
    artifact_bytes_max: u64,
) -> std::io::Result<Left> {
    let (Some(mut input), Some(output), Some(complaint)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(std::io::Error::other("the compiler process has no pipes"));
    };
    let feed = async {
        // One that died over what it read so far says so by its exit.
        let _ = input.write_all(content).await;
        input
    };
    let output = bounded(output, artifact_bytes_max.saturating_add(1));
    // Its input stays open until its end: closing it kills it.
    let (_input, output, complaint) =
        tokio::join!(feed, output, bounded(complaint, WORDS_BYTES_MAX));
    Ok(Left {
        status: child.wait().await?,
        output: output?,
        complaint: complaint?,
    })
}

/// Reads up to `max` bytes; whoever writes more finds the pipe closed.
async fn bounded(pipe: impl AsyncRead + Unpin, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(max).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn judge(left: Left, limits: &CompileLimits) -> Result<Artifact, CompileError> {
    let Left {
        status,
        output,
        complaint,
    } = left;
    let max = limits.artifact_bytes_max;
    if output.len() as u64 > max {
        return Err(CompileError::ArtifactTooLarge { max });
    }
    let no_memory = CompileError::Memory {
        max: limits.compile_memory_bytes_max,
    };
    let complaint = String::from_utf8_lossy(&complaint);
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(Artifact::of_compiler(output)),
        (Some(code), _) if code == i32::from(EXIT_REFUSED) => {
            Err(CompileError::Refused(shown(&output)))
        }
        (Some(code), _) if code == i32::from(EXIT_LIMIT) => Err(exceeded(&output)),
        (Some(code), _) if code == i32::from(EXIT_NO_MEMORY) => Err(no_memory),
        (None, Some(signal)) if signal == Signal::XCPU.as_raw() => Err(CompileError::CpuTime {
            max: limits.compile_cpu_time_max,
        }),
        (None, Some(signal)) if signal == Signal::KILL.as_raw() => Err(CompileError::Killed),
        _ if is_out_of_memory(&complaint) => Err(no_memory),
        _ => {
            let last = complaint
                .lines()
                .rfind(|line| !line.trim().is_empty())
                .unwrap_or_default();
            Err(CompileError::Crashed {
                how: format!("{status}: {}", shown(last.as_bytes())),
            })
        }
    }
}

/// The limit that a component exceeds, and the reason on the line after it.
fn exceeded(output: &[u8]) -> CompileError {
    let text = String::from_utf8_lossy(output);
    let (name, reason) = text.split_once('\n').unwrap_or(("", &text));
    let reason = shown(reason.as_bytes());
    match LimitName::parse(name) {
        Some(limit) => CompileError::Bound { limit, reason },
        None => CompileError::Refused(reason),
    }
}

/// What the standard library, the allocator and the kernel say when there is none left.
fn is_out_of_memory(complaint: &str) -> bool {
    [
        "memory allocation of",
        "out of memory",
        "Cannot allocate memory",
        "Resource temporarily unavailable",
    ]
    .iter()
    .any(|words| complaint.contains(words))
}

/// Words that a stranger's component may have formed, fit for a log and a terminal.
fn shown(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    words
        .chars()
        .take(SHOWN_CHARS_MAX)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(wait_status: i32, output: &[u8], complaint: &[u8]) -> String {
        let left = Left {
            status: ExitStatus::from_raw(wait_status),
            output: output.to_vec(),
            complaint: complaint.to_vec(),
        };
        judge(
            left,
            &CompileLimits {
                artifact_bytes_max: 9,
                ..CompileLimits::default()
            },
        )
        .err()
        .map_or_else(String::new, |e| e.to_string())
    }

    #[test]
    fn each_end_has_its_message() {
        let exit = |code: u8| i32::from(code) << 8;
        assert_eq!(judged(0, b"code", b""), "");
        for (status, output, complaint, words) in [
            (0, &b"ten  bytes"[..], &b""[..], "artifact_bytes_max"),
            (exit(EXIT_REFUSED), b"bad \x1b[2J", b"", "bad  [2J"),
            (exit(EXIT_NO_MEMORY), b"", b"", "compile_memory_bytes_max"),
            (Signal::XCPU.as_raw(), b"", b"", "compile_cpu_time_max"),
            (Signal::KILL.as_raw(), b"", b"", "was killed"),
            (
                Signal::ABORT.as_raw(),
                b"",
                b"memory allocation of 9 bytes failed",
                "compile_memory_bytes_max",
            ),
            (Signal::SEGV.as_raw(), b"", b"", "the compiler crashed"),
            (
                exit(101),
                b"",
                b"thread 'x' panicked:\nassertion failed\n\n",
                "assertion failed",
            ),
        ] {
            assert!(
                judged(status, output, complaint).contains(words),
                "{words}: {}",
                judged(status, output, complaint)
            );
        }
    }

    #[test]
    fn a_component_with_too_many_parts_names_the_limit() {
        let error = exceeded(b"component.types_max\ntoo many types");
        assert_eq!(error.limit(), Some(LimitName::TypesMax));
        assert_eq!(error.to_string(), "too many types");
        let unknown = exceeded(b"component.wings_max\ntoo many wings");
        assert_eq!(unknown.limit(), None);
        assert_eq!(unknown.to_string(), "too many wings");
    }
}
