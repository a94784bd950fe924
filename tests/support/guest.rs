//! Finds the built guests, and handles missing ones.

use std::path::PathBuf;

use super::report::say;

/// The folder of the components that `tests/guests/build.sh` builds.
pub fn components() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/guests/components")
}

/// The file of a guest that can be built on every machine.
///
/// # Panics
/// It does not exist.
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
/// It does not exist.
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

/// The file of a guest that needs an optional toolchain; `None`, with a notice, if it was not
/// built.
///
/// # Panics
/// It does not exist and this is CI, where nothing is skipped.
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

/// Reports what this test run skips and how to enable it.
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
