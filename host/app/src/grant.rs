//! Writes a grant into a plugin's policy file. Only the command line can do this: no route and no
//! plugin can call it.

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
pub struct GrantResult {
    pub file: PathBuf,
    /// Interfaces the plugin did not have before.
    pub added: Vec<&'static str>,
    /// Interfaces that its file names now.
    pub named: Vec<&'static str>,
}

/// Grants `interfaces` to a plugin, or all that its component asks for if the list is empty.
///
/// # Errors
/// The settings or the policy file have mistakes, the plugin's file cannot be read, or the policy
/// file cannot be written.
pub fn grant(sources: Sources, name: &str, interfaces: &[String]) -> anyhow::Result<GrantResult> {
    let rules = Rules::read(sources)?;
    let name = PipelineName::parse(name)?;
    let policy = rules.policies.of(&name).map_err(anyhow::Error::msg)?;
    let wanted = if interfaces.is_empty() {
        asked(&rules, &name)?
    } else {
        parse(interfaces)?
    };
    let added: BTreeSet<Interface> = wanted.difference(&policy.named).copied().collect();
    // A list in the file replaces the defaults, so it must include the interfaces that the plugin
    // has now.
    let named: BTreeSet<Interface> = policy.interfaces.union(&wanted).copied().collect();
    let file = rules.plugins_dir.join(format!("{name}.toml"));
    write(&file, &named).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(GrantResult {
        file,
        added: names(&added),
        named: names(&named),
    })
}

/// The names of all interfaces that can be granted, for messages.
pub fn interface_names() -> String {
    Interface::ALL.map(Interface::as_str).join(", ")
}

fn asked(rules: &Rules, name: &PipelineName) -> anyhow::Result<BTreeSet<Interface>> {
    let path = rules.plugins_dir.join(format!("{name}.wasm"));
    let judged = judge(rules, &path)?;
    if judged.inspection.asked.is_empty() {
        bail!("{} imports no interface that needs a grant", path.display());
    }
    Ok(judged.inspection.asked)
}

fn parse(interfaces: &[String]) -> anyhow::Result<BTreeSet<Interface>> {
    let parse = |name: &String| {
        Interface::parse(name).with_context(|| {
            format!(
                "unknown interface '{name}': the interfaces are {}",
                interface_names()
            )
        })
    };
    interfaces.iter().map(parse).collect()
}

/// Sets `interfaces` and keeps the rest of the file, including comments.
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
