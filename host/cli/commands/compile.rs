//! `hayrick compile`: compiles a component in a process of its own, which a server starts. Hidden,
//! because users have no use for it.

use std::io::stdout;
use std::process::ExitCode;

use hayrick_app::compile::compile;

use crate::args::CompileArgs;

/// Reads a component from stdin and writes its code to stdout.
///
/// # Errors
/// Compiling failed for a reason other than the component.
pub fn run(args: &CompileArgs) -> anyhow::Result<ExitCode> {
    // Unlocked and unbuffered: there is one large write.
    compile(&args.order, &mut stdout()).map(ExitCode::from)
}
