//! `hayrick compile`: what a server starts to have a component compiled aside. Hidden, as it is of
//! no use to a person.

use std::io::stdout;
use std::process::ExitCode;

use hayrick_app::compile::compile;

use crate::args::CompileArgs;

/// Reads a component from stdin and writes its code to stdout.
///
/// # Errors
/// Something other than the component is wrong.
pub fn run(args: &CompileArgs) -> anyhow::Result<ExitCode> {
    // Unlocked and unbuffered: there is one large write.
    compile(&args.order, &mut stdout()).map(ExitCode::from)
}
