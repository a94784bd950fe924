//! Derives `hayrick:pipeline-sync` from `wit/`, as `wit/derive-sync.sh` does for plugin authors:
//! the same text without `async`, under a different package name. Writes the text to `OUT_DIR`,
//! together with the macro call that `bindings.rs` includes to generate the Rust bindings.

use std::path::Path;
use std::{env, fs, io};

const CONTRACT: &str = "../../wit";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={CONTRACT}");
    let out_dir = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let derived = Path::new(&out_dir).join("wit-sync");
    // Remove files that the contract no longer has.
    if derived.exists() {
        fs::remove_dir_all(&derived)?;
    }
    fs::create_dir_all(&derived)?;
    for entry in fs::read_dir(CONTRACT)? {
        let path = entry?.path();
        let (Some(name), true) = (
            path.file_name(),
            path.extension().is_some_and(|it| it == "wit"),
        ) else {
            continue;
        };
        let text = fs::read_to_string(&path)?
            .replace(
                "package hayrick:pipeline@",
                "package hayrick:pipeline-sync@",
            )
            .replace(": async func(", ": func(");
        fs::write(derived.join(name), text)?;
    }
    let call = format!("sync_bindings!({:?});\n", derived.display().to_string());
    fs::write(Path::new(&out_dir).join("sync_bindings.rs"), call)
}
