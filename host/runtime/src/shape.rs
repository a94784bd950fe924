//! What a component asks for and what it serves, read from its type alone.

use std::collections::BTreeSet;

use hayrick_capabilities::linker::{INERT_PACKAGES, WASI_HTTP};
use hayrick_types::contract::{Export, IMPORTS, PACKAGE, SETUP, SYNC_PACKAGE, TYPES, VERSION};
use hayrick_types::policy::Interface;
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::error::DeployError;

/// WASI 0.2, any patch of it: what language runtimes import.
const INERT_VERSION: &str = "0.2.";

/// The functions of a component that the host calls, and its names for people.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) setup: ComponentExportIndex,
    /// The function of each export, by its number.
    functions: [Option<ComponentExportIndex>; Export::ALL.len()],
    pub(crate) exports: Vec<String>,
    pub(crate) imports: Vec<String>,
    /// The part of its imports that has to be granted.
    pub(crate) asked: BTreeSet<Interface>,
}

impl Shape {
    /// The function of an export, if the component has it.
    pub(crate) fn export(&self, export: Export) -> Option<ComponentExportIndex> {
        self.functions.get(export.number()).copied().flatten()
    }

    /// Whether the component has the export.
    pub(crate) fn serves(&self, export: Export) -> bool {
        self.export(export).is_some()
    }
}

/// Every interface a component imports.
pub(crate) fn imports(engine: &Engine, component: &Component) -> Vec<String> {
    component
        .component_type()
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Every interface a component exports.
pub(crate) fn exports(engine: &Engine, component: &Component) -> Vec<String> {
    component
        .component_type()
        .exports(engine)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Whether an import is linked here: the host's own interfaces, WASI, inert, and its way to ask
/// other machines.
fn is_granted(import: &str) -> bool {
    let Some((path, version)) = import.split_once('@') else {
        return false;
    };
    let Some((package, interface)) = path.split_once('/') else {
        return false;
    };
    if is_contract(package) {
        return version == VERSION && (interface == TYPES || IMPORTS.contains(&interface));
    }
    (INERT_PACKAGES.contains(&package) || WASI_HTTP.contains(&path))
        && version.starts_with(INERT_VERSION)
}

/// Whether a package is the contract, with `async` functions or without.
fn is_contract(package: &str) -> bool {
    [PACKAGE, SYNC_PACKAGE].contains(&package)
}

/// Whether an import is WASI's: it asks for nothing, as it is linked inert.
fn is_inert(import: &str) -> bool {
    INERT_PACKAGES.iter().any(|package| {
        import
            .strip_prefix(package)
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// What a component with these imports asks for.
pub(crate) fn asked(imports: &[String]) -> BTreeSet<Interface> {
    let parse = |import: &String| {
        let (package, rest) = import.split_once('/')?;
        let interface = rest
            .split_once('@')
            .map_or(rest, |(interface, _)| interface);
        if is_contract(package) {
            Interface::parse(interface)
        } else {
            (package == "wasi:http").then_some(Interface::Http)
        }
    };
    imports.iter().filter_map(parse).collect()
}

/// Finds a function of the exports, in either package.
fn find(
    component: &Component,
    (interface, function): (&str, &str),
) -> Option<ComponentExportIndex> {
    [PACKAGE, SYNC_PACKAGE].iter().find_map(|package| {
        let (_, instance) =
            component.get_export(None, format!("{package}/{interface}@{VERSION}"))?;
        component
            .get_export(Some(&instance), function)
            .map(|(_, index)| index)
    })
}

/// Reads a component's shape and holds its imports against what is granted.
///
/// # Errors
/// Names all that is asked for in vain, or what is missing.
pub(crate) fn shape(engine: &Engine, component: &Component) -> Result<Shape, DeployError> {
    let imports = imports(engine, component);
    let refused: Vec<String> = imports
        .iter()
        .filter(|import| !is_granted(import))
        .cloned()
        .collect();
    if !refused.is_empty() {
        return Err(DeployError::NotGranted { names: refused });
    }
    let shape = Shape {
        setup: find(component, SETUP).ok_or(DeployError::NoLifecycle)?,
        functions: Export::ALL
            .map(|export| find(component, (export.interface(), export.function()))),
        exports: exports(engine, component),
        asked: asked(&imports),
        imports: imports
            .into_iter()
            .filter(|import| !is_inert(import))
            .collect(),
    };
    if Export::ALL.into_iter().any(|export| shape.serves(export)) {
        Ok(shape)
    } else {
        Err(DeployError::NothingToServe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_interfaces_of_known_versions_are_granted() {
        for import in [
            "hayrick:pipeline/llm@0.1.0",
            "hayrick:pipeline-sync/log@0.1.0",
            "wasi:sockets/tcp@0.2.9",
            "wasi:http/types@0.2.9",
        ] {
            assert!(is_granted(import), "{import}");
        }
        for import in [
            "hayrick:pipeline/llm@0.2.0",
            "hayrick:pipeline/secrets@0.1.0",
            "wasi:http/incoming-handler@0.2.9",
            "wasi:http/types@0.3.0",
            "wasi:cli/run@0.3.0",
            "evil",
            "wasi:io",
        ] {
            assert!(!is_granted(import), "{import}");
        }
    }
}
