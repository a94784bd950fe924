//! The limit on open files: each connection uses one, and shells set a low limit by default.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files other than connections: plugins, the store, uploads, upstreams.
const OTHERS: u64 = 512;

/// Raises the limit as far as this process may; returns a warning if that is too low for
/// `connections_max`.
pub fn raise(connections_max: usize) -> Option<String> {
    let limit = getrlimit(Resource::Nofile);
    // The hard limit belongs to the parent process; up to it, this process may choose.
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
    let files = if raised.is_ok() {
        limit.maximum
    } else {
        limit.current
    };
    let wanted = u64::try_from(connections_max)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHERS);
    let files = files.filter(|files| *files < wanted)?;
    Some(format!(
        "this process may open only {files} files, too few for connections_max = \
         {connections_max}: when they run out, idle connections are closed; raise the limit \
         (ulimit -n {wanted}) or lower connections_max"
    ))
}
