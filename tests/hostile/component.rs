//! Loads the components of cases.

use std::path::PathBuf;

use super::case::Component;

/// Returns the bytes of a component.
///
/// # Errors
/// The component has not been built.
pub fn bytes(component: Component) -> Result<Vec<u8>, String> {
    match component {
        Component::Hostile(name) => built(&format!("hostile/{name}")),
        Component::Guest(name) => built(name),
        Component::Made(make) => Ok(make()),
    }
}

/// Reads a built component of `tests/guests`, by its path without `.wasm`.
///
/// # Errors
/// The component has not been built.
pub fn built(name: &str) -> Result<Vec<u8>, String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("target/guests/components/{name}.wasm"));
    std::fs::read(&path).map_err(|error| {
        format!(
            "{}: {error}: run `sh tests/guests/build.sh`",
            path.display()
        )
    })
}
