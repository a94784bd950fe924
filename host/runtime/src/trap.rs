//! Why a guest ended, in words for the client; what only its author can use goes to the log.

use host_capabilities::response::RunEnded;
use host_types::failure::{Failure, FailureKind};
use host_types::id::RunId;
use wasmtime::{Error, Trap};

use crate::cpu_meter::CpuSpent;

/// The failure of a run that trapped. `memory_refused` is the limit in bytes if the guest was refused memory before.
pub(crate) fn failure(error: &Error, memory_refused: Option<usize>) -> Failure {
    if let Some(RunEnded(failure)) = error.downcast_ref::<RunEnded>() {
        return failure.clone();
    }
    if let Some(spent) = error.downcast_ref::<CpuSpent>() {
        return Failure::new(FailureKind::Timeout, spent.to_string());
    }
    if let Some(bytes_max) = memory_refused {
        return Failure::new(FailureKind::Failed, format!("the plugin needed more memory than memory_bytes_max, {bytes_max} bytes"));
    }
    let reason = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => "the plugin overflowed its stack",
        Some(Trap::UnreachableCodeReached) => "the plugin panicked",
        Some(Trap::MemoryOutOfBounds | Trap::TableOutOfBounds) => "the plugin reached outside its memory",
        Some(_) => "the plugin trapped",
        None => "the plugin broke its contract with the host",
    };
    Failure::new(FailureKind::Failed, reason)
}

/// Adds the run's id, under which the log has the rest.
pub(crate) fn with_run(mut failure: Failure, run: RunId) -> Failure {
    failure.message = format!("{} (run {run})", failure.message);
    failure
}
