//! The command line's operations on keys and the audit log, with or without a running server.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::Context;
use hayrick_services::audit::{Action, Audit, AuditRecord};
use hayrick_services::keys::file::KeyFile;
use hayrick_services::keys::key::{Key, NewKey, Rate, Scope};
use hayrick_services::keys::ring::read_used;
use hayrick_types::clock;
use hayrick_types::id::PipelineName;
use serde_json::{Value, json};

/// The properties of a new key, as given on the command line.
#[derive(Debug, Clone, Default)]
pub struct KeyRequest {
    pub name: String,
    /// `invoke`, `deploy` or `admin`; empty means `invoke`.
    pub scopes: Vec<String>,
    /// Empty means all.
    pub pipelines: Vec<String>,
    /// `60/min`.
    pub rate: Option<String>,
    pub burst: Option<u32>,
    pub concurrency_max: Option<u32>,
    /// Seconds from now.
    pub expires_in: Option<u64>,
}

/// The actor in the audit log for commands.
const LOCAL: &str = "local";

/// Creates a key and returns it with its text, which is stored nowhere else. A running server
/// accepts it within a second.
///
/// # Errors
/// The request is invalid, or the data folder cannot be written.
pub fn create(data_dir: &Path, request: KeyRequest) -> anyhow::Result<Value> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .with_context(|| format!("cannot create {}", data_dir.display()))?;
    let now = now();
    let (key, text) = KeyFile::new(data_dir).create(read(request, now)?, now)?;
    // If this fails, nobody has seen the key's text, so nobody can use it.
    audit(data_dir, Action::KeyCreate, &key.id)?;
    let mut shown = show(&key, None, now);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("key".to_owned(), text.expose().into());
    }
    Ok(shown)
}

/// All keys, oldest first, without their secrets.
///
/// # Errors
/// The file cannot be read.
pub fn list(data_dir: &Path) -> anyhow::Result<Vec<Value>> {
    let (keys, used, now) = (KeyFile::new(data_dir).read()?, read_used(data_dir), now());
    Ok(keys
        .iter()
        .map(|key| show(key, used.get(&key.id).copied(), now))
        .collect())
}

/// Revokes a key and returns it; `None` if there is no such key. A running server rejects it within
/// a second.
///
/// # Errors
/// The data folder cannot be read or written.
pub fn revoke(data_dir: &Path, id: &str) -> anyhow::Result<Option<Value>> {
    let file = KeyFile::new(data_dir);
    // Without a file there is nothing to revoke, and perhaps no folder to lock.
    if file.read()?.is_empty() {
        return Ok(None);
    }
    let now = now();
    let Some(key) = file.revoke(id, now)? else {
        return Ok(None);
    };
    audit(data_dir, Action::KeyRevoke, &key.id).context("the key is revoked, but")?;
    Ok(Some(show(
        &key,
        read_used(data_dir).get(&key.id).copied(),
        now,
    )))
}

/// The newest lines of the audit log, oldest first.
///
/// # Errors
/// It cannot be read.
pub fn audit_log(data_dir: &Path, count: usize) -> anyhow::Result<Vec<Value>> {
    let lines = Audit::new(data_dir, clock::system())
        .last(count)
        .context("cannot read the audit log")?;
    Ok(lines
        .iter()
        .filter_map(|line| serde_json::to_value(line).ok())
        .collect())
}

/// Whether a server with this data folder has a usable key.
///
/// # Errors
/// The file cannot be read.
pub fn has_usable_key(data_dir: &Path) -> anyhow::Result<bool> {
    let now = now();
    Ok(KeyFile::new(data_dir)
        .read()?
        .iter()
        .any(|key| key.is_usable(now)))
}

fn read(request: KeyRequest, now: u64) -> anyhow::Result<NewKey> {
    let mut scopes = Vec::new();
    for name in &request.scopes {
        let scope = Scope::parse(name)
            .with_context(|| format!("unknown scope '{name}': write invoke, deploy or admin"))?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        scopes.push(Scope::Invoke);
    }
    for name in &request.pipelines {
        PipelineName::parse(name)?;
    }
    Ok(NewKey {
        name: request.name,
        scopes,
        pipelines: Some(request.pipelines).filter(|pipelines| !pipelines.is_empty()),
        rate: request
            .rate
            .map(|rate| Rate::parse(&rate).map_err(anyhow::Error::msg))
            .transpose()?,
        burst: request.burst,
        concurrency_max: request.concurrency_max,
        expires_at: request
            .expires_in
            .map(|seconds| now.saturating_add(seconds)),
    })
}

fn show(key: &Key, last_used: Option<u64>, now: u64) -> Value {
    let status = match (key.revoked_at, key.is_usable(now)) {
        (Some(_), _) => "revoked",
        (None, false) => "expired",
        (None, true) => "active",
    };
    json!({
        "id": key.id,
        "name": key.name,
        "status": status,
        "scopes": key.scopes,
        "pipelines": key.pipelines,
        "rate": key.rate.map(|rate| format!("{}/{}", rate.requests, per(rate.seconds))),
        "burst": key.burst,
        "concurrency_max": key.concurrency_max,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": last_used,
    })
}

fn per(seconds: u32) -> String {
    match seconds {
        1 => "s".to_owned(),
        60 => "min".to_owned(),
        3600 => "h".to_owned(),
        _ => format!("{seconds}s"),
    }
}

fn audit(data_dir: &Path, action: Action, id: &str) -> anyhow::Result<()> {
    let (actor, subject, outcome) = (LOCAL.to_owned(), id.to_owned(), "ok".to_owned());
    let entry = AuditRecord {
        actor,
        action,
        subject,
        outcome,
        request: None,
    };
    Audit::new(data_dir, clock::system())
        .record_blocking(entry)
        .context("cannot write the audit log")
}

fn now() -> u64 {
    clock::system()() / 1000
}
