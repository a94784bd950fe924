//! What a `.wasm` file contains, what it asks for, and whether this server would deploy it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use hayrick_runtime::approvals::read_approvals;
use hayrick_runtime::config::Policies;
use hayrick_runtime::grant_check::check_grants;
use hayrick_runtime::inspect::Inspection;
use hayrick_types::id::PipelineName;
use hayrick_types::policy::{Interface, Policy};

use crate::compile::own_program;
use crate::settings::rules::Rules;
use crate::settings::sources::Sources;

/// The result of checking a file against the policy of the plugin it would become.
pub struct Judged {
    pub inspection: Inspection,
    /// What it asks for.
    pub asks: Vec<&'static str>,
    /// Those of them that are granted.
    pub granted: Vec<&'static str>,
    /// What the version last deployed here under this name asked for.
    pub asked_before: Option<Vec<&'static str>>,
    /// Whether it could be deployed, as far as that can be determined without running its `setup`;
    /// otherwise the reason.
    pub deployable: Result<(), String>,
}

/// Checks the file as a deploy would, without running it. Must not be called inside a tokio
/// runtime.
///
/// # Errors
/// The file cannot be read, or the settings have mistakes.
pub fn inspect(sources: Sources, path: &Path) -> anyhow::Result<Judged> {
    let rules = Rules::read(sources)?;
    judge(&rules, path)
}

/// Like `inspect`, with rules that are already read.
///
/// # Errors
/// The file cannot be read.
pub fn judge(rules: &Rules, path: &Path) -> anyhow::Result<Judged> {
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let policy = policy(rules, &name);
    let limits = policy
        .as_ref()
        .map(|policy| policy.limits.clone())
        .unwrap_or_default();
    // Another process compiles; this one only waits for it.
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let inspecting =
        hayrick_runtime::inspect::inspect(path, &limits, own_program(), rules.compile.clone());
    let inspection = tokio
        .block_on(inspecting)
        .with_context(|| format!("cannot inspect {}", path.display()))?;
    let before = read_approvals(&rules.approvals)?
        .remove(&name)
        .map(|approval| approval.asked());
    let granted: BTreeSet<Interface> = policy
        .as_ref()
        .map(|policy| &inspection.asked & &policy.interfaces)
        .unwrap_or_default();
    let deployable = inspection
        .deployable
        .clone()
        .and(policy)
        .and_then(|policy| {
            let checked = check_grants(&name, &inspection.asked, &policy, before.as_ref());
            checked.map_err(|error| error.to_string())
        });
    let (asks, asked_before) = (names(&inspection.asked), before.as_ref().map(names));
    Ok(Judged {
        asks,
        granted: names(&granted),
        asked_before,
        inspection,
        deployable,
    })
}

/// The names of interfaces.
pub fn names(interfaces: &BTreeSet<Interface>) -> Vec<&'static str> {
    interfaces
        .iter()
        .map(|interface| interface.as_str())
        .collect()
}

/// How `new` differs from `old`, or from the version last deployed here under its name if there is
/// no `old`: one line per added or removed interface, `+ asks for state`, `- exports …`.
///
/// # Errors
/// A file cannot be read, or the settings have mistakes.
pub fn diff(sources: Sources, new: &Path, old: Option<&Path>) -> anyhow::Result<Vec<String>> {
    let rules = Rules::read(sources)?;
    let new = judge(&rules, new)?;
    let Some(old) = old else {
        let before = new.asked_before.unwrap_or_default();
        return Ok(changes("asks for", &before, &new.asks));
    };
    let old = judge(&rules, old)?;
    let mut lines = changes("asks for", &old.asks, &new.asks);
    lines.extend(changes(
        "imports",
        &old.inspection.imports,
        &new.inspection.imports,
    ));
    lines.extend(changes(
        "exports",
        &old.inspection.exports,
        &new.inspection.exports,
    ));
    Ok(lines)
}

fn changes<T: PartialEq + std::fmt::Display>(what: &str, old: &[T], new: &[T]) -> Vec<String> {
    let gone = old
        .iter()
        .filter(|name| !new.contains(name))
        .map(|name| format!("- {what} {name}"));
    let come = new
        .iter()
        .filter(|name| !old.contains(name))
        .map(|name| format!("+ {what} {name}"));
    gone.chain(come).collect()
}

fn policy(rules: &Rules, name: &str) -> Result<Policy, String> {
    let name = PipelineName::parse(name).map_err(|error| error.to_string())?;
    rules.policies.of(&name)
}
