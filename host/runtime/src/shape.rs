//! What a component asks for and what it serves, read from its type alone.

use std::collections::BTreeSet;

use hayrick_capabilities::linker::{INERT_PACKAGES, PACKAGE, VERSION, WASI_HTTP};
use hayrick_capabilities::sync_twin;
use hayrick_types::policy::Interface;
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::error::DeployError;

/// Interfaces of the host that a component may import.
const HOST_INTERFACES: [&str; 11] = [
    "types", "response", "llm", "timers", "log", "uploads", "jobs", "tasks", "state", "config",
    "http",
];
/// WASI 0.2, any patch of it: what language runtimes import.
const INERT_VERSION: &str = "0.2.";

/// What a client can ask of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    Chat,
    Files,
    Job,
}

impl Function {
    /// What a pipeline does that lacks it, for a person.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Function::Chat => "does not chat",
            Function::Files => "takes no files",
            Function::Job => "runs no jobs",
        }
    }

    /// The interface that offers it.
    pub(crate) fn interface(self) -> &'static str {
        match self {
            Function::Chat => "hayrick:pipeline/chat",
            Function::Files => "hayrick:pipeline/files",
            Function::Job => "hayrick:pipeline/job-handler",
        }
    }
}

/// The functions of a component that the host calls, and its names for people.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) setup: ComponentExportIndex,
    pub(crate) chat: Option<ComponentExportIndex>,
    pub(crate) files: Option<ComponentExportIndex>,
    pub(crate) job: Option<ComponentExportIndex>,
    pub(crate) exports: Vec<String>,
    pub(crate) imports: Vec<String>,
    /// The part of its imports that has to be granted.
    pub(crate) asked: BTreeSet<Interface>,
}

impl Shape {
    /// Whether the component exports the function.
    pub(crate) fn serves(&self, function: Function) -> bool {
        let export = match function {
            Function::Chat => &self.chat,
            Function::Files => &self.files,
            Function::Job => &self.job,
        };
        export.is_some()
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
    if package == PACKAGE || package == sync_twin::PACKAGE {
        return version == VERSION && HOST_INTERFACES.contains(&interface);
    }
    (INERT_PACKAGES.contains(&package) || WASI_HTTP.contains(&path))
        && version.starts_with(INERT_VERSION)
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
        let is_own = package == PACKAGE || package == sync_twin::PACKAGE;
        if is_own {
            Interface::parse(interface)
        } else {
            (package == "wasi:http").then_some(Interface::Http)
        }
    };
    imports.iter().filter_map(parse).collect()
}

/// Finds `interface.function` in the exports, in either package.
fn export(component: &Component, interface: &str, function: &str) -> Option<ComponentExportIndex> {
    [PACKAGE, sync_twin::PACKAGE].iter().find_map(|package| {
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
        setup: export(component, "lifecycle", "setup").ok_or(DeployError::NoLifecycle)?,
        chat: export(component, "chat", "run-chat-completion"),
        files: export(component, "files", "process-files"),
        job: export(component, "job-handler", "run-job"),
        exports: exports(engine, component),
        asked: asked(&imports),
        imports: imports
            .into_iter()
            .filter(|import| !is_inert(import))
            .collect(),
    };
    let serves_nothing = shape.chat.is_none() && shape.files.is_none() && shape.job.is_none();
    if serves_nothing {
        Err(DeployError::NothingToServe)
    } else {
        Ok(shape)
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
