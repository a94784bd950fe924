//! Compiles a component in a separate process, and makes sure that the process ends.

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
use crate::compile::child::{CompileRequest, EXIT_LIMIT, EXIT_NO_MEMORY, EXIT_REFUSED};
use crate::compile::config::CompileConfig;
use crate::compile::error::CompileError;

/// The hidden command of our program that compiles.
const COMMAND: &str = "compile";
/// Threads per compilation. More would gain little, and each costs memory.
const THREADS_MAX: usize = 16;
/// Bytes of stderr that are read.
const STDERR_BYTES_MAX: u64 = 16 << 10;
/// Characters of a message from the process that are shown.
const SHOWN_CHARS_MAX: usize = 300;

/// The compiler process. Dropping it kills the process and everything that it started.
struct CompilerProcess(Child);

impl Drop for CompilerProcess {
    fn drop(&mut self) {
        // The child keeps its pid until it has been waited for, so the pid is not reused.
        let pid = self
            .0
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Fails if the process has already ended.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// The result of the process.
struct Finished {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Compiles `content` with `program`, which is this program.
///
/// # Errors
/// A limit was reached, or the component is not valid.
pub(super) async fn compile(
    program: &Path,
    config: &CompileConfig,
    content: &[u8],
) -> Result<Artifact, CompileError> {
    let request = CompileRequest {
        config: config.clone(),
        component_bytes: content.len(),
    };
    let request =
        serde_json::to_string(&request).map_err(|error| CompileError::Spawn(error.into()))?;
    let limits = &config.limits;
    let mut process = start(program, &request).map_err(CompileError::Spawn)?;
    let exchange = exchange(&mut process.0, content, limits.artifact_bytes_max);
    let finished = tokio::time::timeout(limits.compile_time_max, exchange).await;
    let finished = finished
        .map_err(|_| CompileError::Time {
            max: limits.compile_time_max,
        })?
        .map_err(CompileError::Spawn)?;
    outcome(finished, limits)
}

fn start(program: &Path, request: &str) -> std::io::Result<CompilerProcess> {
    let threads = available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS_MAX);
    let mut command = Command::new(program);
    command
        .arg(COMMAND)
        .arg(request)
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .current_dir("/");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A separate process group: a signal from a terminal is for the host, which then ends this
    // process itself.
    command
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map(CompilerProcess)
}

async fn exchange(
    child: &mut Child,
    content: &[u8],
    artifact_bytes_max: u64,
) -> std::io::Result<Finished> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(std::io::Error::other("the compiler process has no pipes"));
    };
    let feed = async {
        // Fails if the process has died; its exit status then says why.
        let _ = stdin.write_all(content).await;
        stdin
    };
    let stdout = read_up_to(stdout, artifact_bytes_max.saturating_add(1));
    // Keep stdin open until the process ends: closing it kills the process.
    let (_stdin, stdout, stderr) = tokio::join!(feed, stdout, read_up_to(stderr, STDERR_BYTES_MAX));
    Ok(Finished {
        status: child.wait().await?,
        stdout: stdout?,
        stderr: stderr?,
    })
}

/// Reads up to `max` bytes, then closes the pipe.
async fn read_up_to(pipe: impl AsyncRead + Unpin, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(max).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The code, or why there is none.
fn outcome(finished: Finished, limits: &CompileLimits) -> Result<Artifact, CompileError> {
    let Finished {
        status,
        stdout,
        stderr,
    } = finished;
    let max = limits.artifact_bytes_max;
    if stdout.len() as u64 > max {
        return Err(CompileError::ArtifactTooLarge { max });
    }
    let no_memory = CompileError::Memory {
        max: limits.compile_memory_bytes_max,
    };
    let stderr = String::from_utf8_lossy(&stderr);
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(Artifact::from_compiler(stdout)),
        (Some(code), _) if code == i32::from(EXIT_REFUSED) => {
            Err(CompileError::Refused(printable(&stdout)))
        }
        (Some(code), _) if code == i32::from(EXIT_LIMIT) => Err(exceeded(&stdout)),
        (Some(code), _) if code == i32::from(EXIT_NO_MEMORY) => Err(no_memory),
        (None, Some(signal)) if signal == Signal::XCPU.as_raw() => Err(CompileError::CpuTime {
            max: limits.compile_cpu_time_max,
        }),
        (None, Some(signal)) if signal == Signal::KILL.as_raw() => Err(CompileError::Killed),
        _ if is_out_of_memory(&stderr) => Err(no_memory),
        _ => Err(CompileError::Crashed {
            how: format!("{status}: {}", printable(crash(&stderr).as_bytes())),
        }),
    }
}

/// Where and why the compiler panicked, or else its last words.
fn crash(stderr: &str) -> String {
    let lines = || stderr.lines().filter(|line| !line.trim().is_empty());
    let panic: Vec<&str> = lines()
        .skip_while(|line| !line.contains("panicked at "))
        .take_while(|line| !is_backtrace(line))
        .collect();
    match panic.as_slice() {
        [] => lines()
            .rfind(|line| !is_backtrace(line))
            .unwrap_or_default()
            .to_owned(),
        panic => panic.join(" "),
    }
}

/// Whether a line begins what the standard library says after the reason of a panic.
fn is_backtrace(line: &str) -> bool {
    line.starts_with("note: ") || line.starts_with("stack backtrace:")
}

/// Parses the name of the limit that a component exceeds, and the reason after it.
fn exceeded(output: &[u8]) -> CompileError {
    let text = String::from_utf8_lossy(output);
    let (name, reason) = text.split_once('\n').unwrap_or(("", &text));
    let reason = printable(reason.as_bytes());
    match LimitName::parse(name) {
        Some(limit) => CompileError::Bound { limit, reason },
        None => CompileError::Refused(reason),
    }
}

/// Whether stderr has a message of the standard library, the allocator or the kernel about running
/// out of memory.
fn is_out_of_memory(stderr: &str) -> bool {
    [
        "memory allocation of",
        "out of memory",
        "Cannot allocate memory",
        "Resource temporarily unavailable",
    ]
    .iter()
    .any(|message| stderr.contains(message))
}

/// Makes a text safe for a log and a terminal. An untrusted component may have influenced it.
fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars()
        .take(SHOWN_CHARS_MAX)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(wait_status: i32, stdout: &[u8], stderr: &[u8]) -> String {
        let finished = Finished {
            status: ExitStatus::from_raw(wait_status),
            stdout: stdout.to_vec(),
            stderr: stderr.to_vec(),
        };
        outcome(
            finished,
            &CompileLimits {
                artifact_bytes_max: 9,
                ..CompileLimits::default()
            },
        )
        .err()
        .map_or_else(String::new, |e| e.to_string())
    }

    #[test]
    fn each_outcome_has_its_own_message() {
        let exit = |code: u8| i32::from(code) << 8;
        assert_eq!(message(0, b"code", b""), "");
        for (status, stdout, stderr, fragment) in [
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
                b"\nthread 'main' (7) panicked at isle.rs:9:5:\nassertion failed: a\n  left: 1\n\
                  stack backtrace:\n  0: std\nnote: run with `RUST_BACKTRACE=1`\n",
                "panicked at isle.rs:9:5: assertion failed: a   left: 1); this is a fault of \
                 wasmtime's compiler",
            ),
            (exit(9), b"", b"wrong\n\nnote: try again\n", "9: wrong)"),
        ] {
            assert!(
                message(status, stdout, stderr).contains(fragment),
                "{fragment}: {}",
                message(status, stdout, stderr)
            );
        }
    }

    #[test]
    fn the_error_for_too_many_parts_names_the_limit() {
        let error = exceeded(b"component.types_max\ntoo many types");
        assert_eq!(error.limit(), Some(LimitName::TypesMax));
        assert_eq!(error.to_string(), "too many types");
        let unknown = exceeded(b"component.wings_max\ntoo many wings");
        assert_eq!(unknown.limit(), None);
        assert_eq!(unknown.to_string(), "too many wings");
    }
}
