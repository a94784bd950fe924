//! The host compiles components in a second process of its own program, which here is the fuzzer.

use std::io::stdout;

use hayrick_app::compile::compile;

/// Compiles a component and ends, if the host in this program has started it for that.
pub fn serve_compiler() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() != Some("compile") {
        return;
    }
    let order = args.next().unwrap();
    std::process::exit(compile(&order, &mut stdout()).unwrap().into());
}
