//! Explains a trap to the client. Details that only the author of the plugin needs go to the log.

use std::time::Duration;

use hayrick_capabilities::run_ended::RunEnded;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::limits::Limits;
use wasmtime::component::ResourceTableError;
use wasmtime::{Error, PoolConcurrencyLimitError, Trap};

use crate::cpu_meter::CpuSpent;

/// When to retry a run that found no free memory.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// What the limits on memory count.
const MEMORY: &str = "bytes of memory";

/// The messages of wasmtime for limits that have no error type. A test reaches each of these
/// limits, and fails if a message changes.
const LIMIT_MESSAGES: [(&str, LimitName); 5] = [
    (
        "fuel allocated for hostcalls has been exhausted",
        LimitName::HostCallBytesMax,
    ),
    ("store handle limit exceeded", LimitName::HandlesMax),
    ("instance count too high", LimitName::InstancesMax),
    ("memory count too high", LimitName::MemoriesMax),
    ("table count too high", LimitName::TablesMax),
];
/// The same for limits that are checked before a component runs.
const SHAPE_LIMIT_MESSAGES: [(&str, LimitName); 2] = [
    (
        "module table does not fit in pooling allocator",
        LimitName::TableElementsMax,
    ),
    (
        "module memory does not fit in pooling allocator",
        LimitName::MemoryBytesMax,
    ),
];

/// The failure of a run that trapped. `refused` is the limit that kept the guest from growing
/// before, if any.
pub(crate) fn failure(
    error: &Error,
    refused: Option<LimitName>,
    limits: &Limits,
    host_memory_bytes_max: usize,
) -> Failure {
    if let Some(RunEnded(failure)) = error.downcast_ref::<RunEnded>() {
        return failure.clone();
    }
    if let Some(spent) = error.downcast_ref::<CpuSpent>() {
        return Failure::new(FailureKind::Timeout, spent.to_string()).limit(spent.limit);
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        let text = "the host has no room for another instance (host_runs_max): try again";
        return Failure::new(FailureKind::Limit, text)
            .limit(LimitName::HostRunsMax)
            .retry_after(RETRY_AFTER);
    }
    if let Some(limit) = refused.or_else(|| limit_of(error)) {
        return of_limit(limit, limits, host_memory_bytes_max);
    }
    let reason = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            let text = "the plugin overflowed its stack (stack_bytes_max in [engine]): recurse \
                        less, or ask the operator to raise the limit";
            return Failure::new(FailureKind::Failed, text).limit(LimitName::StackBytesMax);
        }
        Some(Trap::UnreachableCodeReached) => "the plugin panicked",
        Some(Trap::MemoryOutOfBounds | Trap::TableOutOfBounds) => {
            "the plugin accessed memory out of bounds"
        }
        Some(_) => "the plugin trapped",
        None => "the plugin violated the contract with the host",
    };
    Failure::new(FailureKind::Failed, reason)
}

fn limit_of(error: &Error) -> Option<LimitName> {
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Some(LimitName::ResourcesMax);
    }
    find(&LIMIT_MESSAGES, error)
}

/// The limit that a component exceeds before it runs.
pub(crate) fn limit_of_shape(error: &Error) -> Option<LimitName> {
    find(&SHAPE_LIMIT_MESSAGES, error)
}

fn find(messages: &[(&str, LimitName)], error: &Error) -> Option<LimitName> {
    let texts: Vec<String> = error.chain().map(ToString::to_string).collect();
    messages
        .iter()
        .find(|(message, _)| texts.iter().any(|text| text.contains(message)))
        .map(|(_, limit)| *limit)
}

/// The failure of a run that reached a limit.
fn of_limit(limit: LimitName, limits: &Limits, host_memory_bytes_max: usize) -> Failure {
    let (subject, max, unit) = match limit {
        LimitName::MemoryBytesMax => ("the plugin needed", limits.memory_bytes_max, MEMORY),
        LimitName::PluginMemoryBytesMax => (
            "the runs of the plugin together needed",
            limits.plugin_memory_bytes_max,
            MEMORY,
        ),
        LimitName::HostMemoryBytesMax => {
            ("all plugins together needed", host_memory_bytes_max, MEMORY)
        }
        LimitName::TableElementsMax => (
            "the plugin needed",
            limits.table_elements_max,
            "table elements",
        ),
        LimitName::TablesMax => ("the plugin has", limits.tables_max, "tables"),
        LimitName::InstancesMax => ("the plugin has", limits.instances_max, "core instances"),
        LimitName::MemoriesMax => ("the plugin has", limits.memories_max, "memories"),
        LimitName::HandlesMax => ("the plugin held", limits.handles_max, "handles"),
        LimitName::ResourcesMax => (
            "the plugin held",
            limits.resources_max,
            "resources of the host",
        ),
        LimitName::HostCallBytesMax => (
            "the plugin passed",
            limits.host_call_bytes_max,
            "bytes to the host in one call",
        ),
        _ => return Failure::new(FailureKind::Failed, "the plugin reached a limit").limit(limit),
    };
    let text = format!("{subject} more than {max} {unit} ({limit}){}", cure(limit));
    match limit {
        // Other runs hold the memory, so it becomes free again.
        LimitName::PluginMemoryBytesMax | LimitName::HostMemoryBytesMax => {
            Failure::new(FailureKind::Limit, text)
                .limit(limit)
                .retry_after(RETRY_AFTER)
        }
        _ => Failure::new(FailureKind::Failed, text).limit(limit),
    }
}

/// What to do about a limit.
fn cure(limit: LimitName) -> &'static str {
    match limit {
        LimitName::PluginMemoryBytesMax | LimitName::HostMemoryBytesMax => ": try again",
        LimitName::HandlesMax | LimitName::ResourcesMax => ": drop those that it no longer needs",
        LimitName::HostCallBytesMax => ": pass smaller pieces",
        _ => "",
    }
}

/// Adds the id of the run, so that the client can find the details in the log.
pub(crate) fn with_run(mut failure: Failure, run: RunId) -> Failure {
    failure.message = format!("{} (run {run})", failure.message);
    failure
}
