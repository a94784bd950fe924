//! Writes a grant into a plugin's policy file. Only a person at this machine can do that: no route
//! and no plugin leads here.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, bail};
use hayrick_runtime::config::Policies;
use hayrick_services::atomic_file::{self, Access};
use hayrick_types::id::PipelineName;
use hayrick_types::policy::Interface;
use toml_edit::{Array, DocumentMut, value};

use crate::inspect::{judge, names};
use crate::settings::rules::Rules;
use crate::settings::sources::Sources;

/// What was granted, and in which file.
pub struct Granted {
    pub file: PathBuf,
    /// Interfaces the plugin did not have before.
    pub added: Vec<&'static str>,
    /// Interfaces its file names now.
    pub named: Vec<&'static str>,
}

/// Grants a plugin `interfaces`, or all that its file asks for if none is named.
///
/// # Errors
/// The settings or the policy file have mistakes, the plugin's file cannot be read, or the policy
/// file cannot be written.
pub fn grant(sources: Sources, name: &str, interfaces: &[String]) -> anyhow::Result<Granted> {
    let rules = Rules::read(sources)?;
    let name = PipelineName::parse(name)?;
    let policy = rules.policies.of(&name).map_err(anyhow::Error::msg)?;
    let wanted = if interfaces.is_empty() {
        asked(&rules, &name)?
    } else {
        parse(interfaces)?
    };
    let added: BTreeSet<Interface> = wanted.difference(&policy.named).copied().collect();
    // What is named replaces the defaults, so that those the plugin has now have to be named too.
    let named: BTreeSet<Interface> = policy.interfaces.union(&wanted).copied().collect();
    let file = rules.plugins_dir.join(format!("{name}.toml"));
    write(&file, &named).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Granted {
        file,
        added: names(&added),
        named: names(&named),
    })
}

/// What can be granted, by name, for people.
pub fn interface_names() -> String {
    Interface::ALL.map(Interface::as_str).join(", ")
}

fn asked(rules: &Rules, name: &PipelineName) -> anyhow::Result<BTreeSet<Interface>> {
    let path = rules.plugins_dir.join(format!("{name}.wasm"));
    let judged = judge(rules, &path)?;
    if judged.inspection.asked.is_empty() {
        bail!("{} asks for nothing that has to be granted", path.display());
    }
    Ok(judged.inspection.asked)
}

fn parse(interfaces: &[String]) -> anyhow::Result<BTreeSet<Interface>> {
    let parse = |name: &String| {
        Interface::parse(name).with_context(|| {
            format!(
                "unknown interface '{name}': write some of {}",
                interface_names()
            )
        })
    };
    interfaces.iter().map(parse).collect()
}

/// Sets `interfaces` and leaves the rest of the file, comments too, as it is.
fn write(file: &std::path::Path, named: &BTreeSet<Interface>) -> anyhow::Result<()> {
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let mut document: DocumentMut = text.parse()?;
    let names: Array = named.iter().map(|interface| interface.as_str()).collect();
    document.insert("interfaces", value(names));
    atomic_file::replace(file, document.to_string().as_bytes(), Access::Inherited)?;
    Ok(())
}
