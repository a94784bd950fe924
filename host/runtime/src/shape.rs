//! Finds out which interfaces a component imports and exports from its type.

use std::collections::BTreeSet;

use hayrick_capabilities::linker::{INERT_PACKAGES, WASI_HTTP};
use hayrick_types::contract::{
    DESCRIBE, Export, IMPORTS, PACKAGE, SETUP, SYNC_PACKAGE, TYPES, VERSION,
};
use hayrick_types::policy::Interface;
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::error::DeployError;

/// Any patch version of WASI 0.2, which language runtimes import.
const INERT_VERSION: &str = "0.2.";

/// The functions of a component that the host calls, and the names of its interfaces.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) setup: ComponentExportIndex,
    /// The function that describes its API, if it has one.
    pub(crate) describe: Option<ComponentExportIndex>,
    /// The function of each export, by the number of the export.
    functions: [Option<ComponentExportIndex>; Export::ALL.len()],
    pub(crate) exports: Vec<String>,
    pub(crate) imports: Vec<String>,
    /// The imports that need a grant.
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

/// Whether the host provides an import: an interface of the contract, of WASI or of `wasi:http`.
fn is_provided(import: &str) -> bool {
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

/// Whether a package is the contract, with or without `async` functions.
fn is_contract(package: &str) -> bool {
    [PACKAGE, SYNC_PACKAGE].contains(&package)
}

/// Whether an import is one of the WASI packages that give access to nothing.
fn is_inert(import: &str) -> bool {
    INERT_PACKAGES.iter().any(|package| {
        import
            .strip_prefix(package)
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// The imports that need a grant.
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

/// Finds an exported function, in either package.
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

/// Reads the shape of a component and checks that the host provides all of its imports.
///
/// # Errors
/// The host does not provide an import, or an export is missing. The error names them.
pub(crate) fn shape(engine: &Engine, component: &Component) -> Result<Shape, DeployError> {
    let imports = imports(engine, component);
    let refused: Vec<String> = imports
        .iter()
        .filter(|import| !is_provided(import))
        .cloned()
        .collect();
    if !refused.is_empty() {
        return Err(DeployError::UnknownImports { names: refused });
    }
    let shape = Shape {
        setup: find(component, SETUP).ok_or(DeployError::NoLifecycle)?,
        describe: find(component, DESCRIBE),
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
    fn only_known_interfaces_of_known_versions_are_provided() {
        for import in [
            "hayrick:pipeline/llm@0.1.0",
            "hayrick:pipeline-sync/log@0.1.0",
            "wasi:sockets/tcp@0.2.9",
            "wasi:http/types@0.2.9",
        ] {
            assert!(is_provided(import), "{import}");
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
            assert!(!is_provided(import), "{import}");
        }
    }
}
