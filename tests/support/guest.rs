//! Where the built guests lie, and what to do when one is missing.

use std::path::PathBuf;

use super::report::say;

/// Where `tests/guests/build.sh` puts what it builds.
pub fn components() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/guests/components")
}

/// The file of a guest that every machine can build.
///
/// # Panics
/// It is not there.
pub fn guest(name: &str) -> PathBuf {
    let path = components().join(format!("{name}.wasm"));
    assert!(
        path.is_file(),
        "the guest {name} is not built: run `sh tests/guests/build.sh`"
    );
    path
}

/// The file of an example plugin.
///
/// # Panics
/// It is not there.
pub fn plugin(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("plugins/{name}.wasm"));
    assert!(
        path.is_file(),
        "the plugin {name} is not built: run `sh plugins/build.sh`"
    );
    path
}

/// The bytes of a guest.
pub fn guest_bytes(name: &str) -> Vec<u8> {
    std::fs::read(guest(name)).unwrap()
}

/// The file of a guest that needs a toolchain not everybody has; without it, says so once and
/// leaves the case out.
///
/// # Panics
/// It is not there and this is CI, where nothing is left out.
pub fn optional_guest(name: &str, toolchain: &str) -> Option<PathBuf> {
    let path = components().join(format!("{name}.wasm"));
    if path.is_file() {
        return Some(path);
    }
    leave_out(&format!(
        "the cases of {name}: install {toolchain}, then run `sh tests/guests/build.sh`"
    ));
    None
}

/// Says what a run of the tests leaves out and how to get it.
///
/// # Panics
/// This is CI.
pub fn leave_out(what: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "CI leaves nothing out, and this is missing: {what}"
    );
    say(&format!("SKIPPED: {what}"));
}
