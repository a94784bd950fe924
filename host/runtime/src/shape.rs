//! What a component asks for and what it serves, read from its type alone.

use host_capabilities::linker::{INERT_PACKAGES, PACKAGE, SYNC_PACKAGE, VERSION};
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::error::DeployError;

/// Interfaces of the host that a component may import.
const HOST_INTERFACES: [&str; 5] = ["types", "response", "llm", "timers", "log"];
/// WASI 0.2, any patch of it: what language runtimes import.
const INERT_VERSION: &str = "0.2.";

/// The functions of a component that the host calls, and its names for people.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) setup: ComponentExportIndex,
    pub(crate) chat: ComponentExportIndex,
    pub(crate) exports: Vec<String>,
    pub(crate) imports: Vec<String>,
}

/// Every interface a component imports.
pub(crate) fn imports(engine: &Engine, component: &Component) -> Vec<String> {
    component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
}

/// Every interface a component exports.
pub(crate) fn exports(engine: &Engine, component: &Component) -> Vec<String> {
    component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect()
}

/// Whether an import is linked here: the host's own interfaces, and WASI, inert.
fn is_granted(import: &str) -> bool {
    let Some((path, version)) = import.split_once('@') else { return false };
    let Some((package, interface)) = path.split_once('/') else { return false };
    if package == PACKAGE || package == SYNC_PACKAGE {
        return version == VERSION && HOST_INTERFACES.contains(&interface);
    }
    INERT_PACKAGES.contains(&package) && version.starts_with(INERT_VERSION)
}

/// Whether an import is WASI's: it asks for nothing, as it is linked inert.
fn is_inert(import: &str) -> bool {
    INERT_PACKAGES.iter().any(|package| import.strip_prefix(package).is_some_and(|rest| rest.starts_with('/')))
}

/// Finds `interface.function` in the exports, in either package.
fn export(component: &Component, interface: &str, function: &str) -> Option<ComponentExportIndex> {
    [PACKAGE, SYNC_PACKAGE].iter().find_map(|package| {
        let (_, instance) = component.get_export(None, format!("{package}/{interface}@{VERSION}"))?;
        component.get_export(Some(&instance), function).map(|(_, index)| index)
    })
}

/// Reads a component's shape and holds its imports against what is granted.
///
/// # Errors
/// Names all that is asked for in vain, or what is missing.
pub(crate) fn shape(engine: &Engine, component: &Component) -> Result<Shape, DeployError> {
    let imports = imports(engine, component);
    let refused: Vec<String> = imports.iter().filter(|import| !is_granted(import)).cloned().collect();
    if !refused.is_empty() {
        return Err(DeployError::NotGranted { names: refused });
    }
    Ok(Shape {
        setup: export(component, "lifecycle", "setup").ok_or(DeployError::NoLifecycle)?,
        chat: export(component, "chat", "run-chat-completion").ok_or(DeployError::NothingToServe)?,
        exports: exports(engine, component),
        imports: imports.into_iter().filter(|import| !is_inert(import)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_interfaces_of_known_versions_are_granted() {
        for import in ["hayrick:pipeline/llm@0.1.0", "hayrick:pipeline-sync/log@0.1.0", "wasi:sockets/tcp@0.2.9"] {
            assert!(is_granted(import), "{import}");
        }
        for import in [
            "hayrick:pipeline/llm@0.2.0",
            "hayrick:pipeline/secrets@0.1.0",
            "wasi:http/types@0.2.9",
            "wasi:cli/run@0.3.0",
            "evil",
            "wasi:io",
        ] {
            assert!(!is_granted(import), "{import}");
        }
    }
}
