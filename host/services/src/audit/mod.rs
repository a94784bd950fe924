//! The audit log: who changed keys, pipelines and grants, when, and with what outcome. Lines of
//! JSON, on disk before the change is acknowledged.
//!
//! A server and the command line may write it at the same time, so each record takes a lock and
//! opens the file: records are rare.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hayrick_types::clock::Clock;
use hayrick_types::json_line::cut_escaped;
use serde::{Deserialize, Serialize};

use crate::atomic_file;

/// The file's name within the data folder; older ones end with `.1`, `.2` and so on.
pub const FILE: &str = "audit.log";
const LOCK: &str = "audit.lock";
/// A file that has grown to this is rotated.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Rotated files; beyond it the oldest is deleted.
const ASIDE_MAX: u32 = 8;
/// Bytes of one field as JSON, because clients choose some fields.
const FIELD_BYTES_MAX: usize = 1024;
/// Refusals have a file of their own, so that whoever is refused cannot push out what was changed.
const REFUSED_FILE: &str = "audit-refused.log";
/// Bytes of a field of a refusal as JSON.
const REFUSED_BYTES_MAX: usize = 160;
/// Refusals of one minute that are written; the others are summed.
const REFUSED_PER_MINUTE_MAX: u32 = 60;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "key.create")]
    KeyCreate,
    #[serde(rename = "key.revoke")]
    KeyRevoke,
    #[serde(rename = "deploy")]
    Deploy,
    #[serde(rename = "deploy.refused")]
    DeployRefused,
    #[serde(rename = "undeploy")]
    Undeploy,
    #[serde(rename = "policy.change")]
    PolicyChange,
    #[serde(rename = "state.delete")]
    StateDelete,
}

/// One line, without its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The id of a key, `local` (the command line), `folder` (the plugins folder), or `loopback` or
    /// `anonymous` (a client without a key, of this machine or another).
    pub actor: String,
    pub action: Action,
    /// The key or the pipeline.
    pub subject: String,
    /// `ok`, or why it failed.
    pub outcome: String,
    /// The id of the request, if there was one. An id that the client chose begins with `client:`.
    pub request: Option<String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Unix time, milliseconds.
    pub at: u64,
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// The log of one data folder. A cheap handle.
#[derive(Clone)]
pub struct Audit {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    clock: Clock,
    bytes_max: u64,
    refusals: Mutex<Refusals>,
}

/// The refusals of the current minute.
#[derive(Default)]
struct Refusals {
    minute: u64,
    written: u32,
    summed: u64,
}

impl Refusals {
    /// One more refusal at `now`. Returns whether it is written, and how many of an earlier minute
    /// were not.
    fn enter(&mut self, now: u64) -> (bool, u64) {
        let minute = now / 60_000;
        let summed = if minute == self.minute {
            0
        } else {
            (self.minute, self.written) = (minute, 0);
            std::mem::take(&mut self.summed)
        };
        if self.written < REFUSED_PER_MINUTE_MAX {
            self.written += 1;
            return (true, summed);
        }
        self.summed += 1;
        (false, summed)
    }
}

impl Audit {
    /// The log of this data folder, which exists; nothing is opened yet.
    pub fn new(data_dir: &Path, clock: Clock) -> Audit {
        Audit {
            inner: Arc::new(Inner {
                folder: data_dir.to_owned(),
                clock,
                bytes_max: FILE_BYTES_MAX,
                refusals: Mutex::default(),
            }),
        }
    }

    /// Writes a record, and returns once it is on disk. If this fails, do not acknowledge the change.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn record(&self, record: AuditRecord) -> io::Result<()> {
        let audit = self.clone();
        tokio::task::spawn_blocking(move || audit.record_blocking(record))
            .await
            .map_err(io::Error::other)?
    }

    /// The same on a thread that may block.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn record_blocking(&self, record: AuditRecord) -> io::Result<()> {
        if record.action == Action::DeployRefused {
            return self.refusal(record);
        }
        self.append(FILE, FIELD_BYTES_MAX, record)
    }

    /// Writes a refusal, unless there were many in this minute: those are summed.
    fn refusal(&self, record: AuditRecord) -> io::Result<()> {
        let now = (self.inner.clock)();
        let (is_written, summed) = self
            .inner
            .refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .enter(now);
        if summed > 0 {
            let sum = AuditRecord {
                actor: "host".to_owned(),
                action: Action::DeployRefused,
                subject: String::new(),
                outcome: format!("{summed} more were refused in a minute before"),
                request: None,
            };
            self.append(REFUSED_FILE, REFUSED_BYTES_MAX, sum)?;
        }
        if is_written {
            self.append(REFUSED_FILE, REFUSED_BYTES_MAX, record)?;
        }
        Ok(())
    }

    fn append(&self, file: &str, bytes_max: usize, record: AuditRecord) -> io::Result<()> {
        let cut = |text: &str| cut_escaped(text, bytes_max).to_owned();
        let record = AuditRecord {
            actor: cut(&record.actor),
            subject: cut(&record.subject),
            outcome: cut(&record.outcome),
            request: record.request.as_deref().map(cut),
            ..record
        };
        let Inner {
            folder,
            clock,
            bytes_max,
            ..
        } = &*self.inner;
        let lock = private()
            .write(true)
            .truncate(false)
            .open(folder.join(LOCK))?;
        lock.lock()?;
        let path = folder.join(file);
        if std::fs::metadata(&path).is_ok_and(|file| file.len() >= *bytes_max) {
            rotate(&path)?;
        }
        let mut line = serde_json::to_vec(&AuditLine {
            at: clock(),
            record,
        })?;
        line.push(b'\n');
        let mut file = private().append(true).open(&path)?;
        // In one write, so that a crash leaves whole lines and at most one truncated line.
        file.write_all(&line)?;
        file.sync_all()?;
        atomic_file::sync_folder(folder)
    }

    /// The newest `count` lines, oldest first. Lines that a crash has truncated are left out.
    ///
    /// # Errors
    /// A file exists and cannot be read.
    pub fn last(&self, count: usize) -> io::Result<Vec<AuditLine>> {
        let mut lines = self.last_of(FILE, count)?;
        lines.extend(self.last_of(REFUSED_FILE, count)?);
        // Stable: lines of the same moment stay in their order.
        lines.sort_by_key(|line| line.at);
        let surplus = lines.len().saturating_sub(count);
        lines.drain(..surplus);
        Ok(lines)
    }

    fn last_of(&self, file: &str, count: usize) -> io::Result<Vec<AuditLine>> {
        let path = self.inner.folder.join(file);
        let mut newest_first = Vec::new();
        for path in
            std::iter::once(path.clone()).chain((1..=ASIDE_MAX).map(|number| aside(&path, number)))
        {
            if newest_first.len() >= count {
                break;
            }
            let text = match std::fs::read_to_string(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                read => read?,
            };
            newest_first.extend(
                text.lines()
                    .rev()
                    .filter_map(|line| serde_json::from_str(line).ok()),
            );
        }
        newest_first.truncate(count);
        newest_first.reverse();
        Ok(newest_first)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

fn aside(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("log.{number}"))
}

fn rotate(path: &Path) -> io::Result<()> {
    for number in (1..ASIDE_MAX).rev() {
        match std::fs::rename(aside(path, number), aside(path, number + 1)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(path, aside(path, 1))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn audit(folder: &TempDir, bytes_max: u64) -> Audit {
        Audit {
            inner: Arc::new(Inner {
                folder: folder.path().to_owned(),
                clock: Arc::new(|| 7),
                bytes_max,
                refusals: Mutex::default(),
            }),
        }
    }

    fn record(subject: &str) -> AuditRecord {
        let (actor, outcome) = ("local".to_owned(), "ok".to_owned());
        AuditRecord {
            actor,
            action: Action::KeyCreate,
            subject: subject.to_owned(),
            outcome,
            request: None,
        }
    }

    #[tokio::test]
    async fn a_record_is_one_line_whatever_is_in_it_and_the_file_is_private() {
        let folder = TempDir::new().unwrap();
        let audit = audit(&folder, 1 << 20);
        assert_eq!(audit.last(9).unwrap(), []);
        audit
            .record(record("a\n{\"actor\":\"admin\"}\u{1b}"))
            .await
            .unwrap();
        audit.record(record(&"x".repeat(5000))).await.unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!((text.lines().count(), text.contains('\u{1b}')), (2, false));
        let lines = audit.last(9).unwrap();
        assert_eq!(
            (lines[0].at, lines[0].record.subject.as_str()),
            (7, "a\n{\"actor\":\"admin\"}\u{1b}")
        );
        assert_eq!(lines[1].record.subject.len(), FIELD_BYTES_MAX);
        assert_eq!(audit.last(1).unwrap(), lines[1..]);
    }

    #[test]
    fn it_grows_to_a_bound_and_the_newest_are_kept() {
        let folder = TempDir::new().unwrap();
        let audit = audit(&folder, 1000);
        for number in 0..200 {
            audit.record_blocking(record(&number.to_string())).unwrap();
        }
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(
            files,
            1 + 1 + usize::try_from(ASIDE_MAX).unwrap(),
            "the lock, the file and those put aside"
        );
        let subjects: Vec<_> = audit
            .last(20)
            .unwrap()
            .into_iter()
            .map(|line| line.record.subject)
            .collect();
        assert_eq!(
            subjects,
            (180..200)
                .map(|number| number.to_string())
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn refusals_never_push_out_changes_and_many_of_them_are_summed() {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(std::sync::atomic::AtomicU64::new(60_000));
        let clock = Arc::clone(&now);
        let audit = Audit {
            inner: Arc::new(Inner {
                folder: folder.path().to_owned(),
                clock: Arc::new(move || clock.load(std::sync::atomic::Ordering::Relaxed)),
                bytes_max: 4096,
                refusals: Mutex::default(),
            }),
        };
        let record = |action, subject: &str| AuditRecord {
            actor: "k".to_owned(),
            action,
            subject: subject.to_owned(),
            outcome: "x".repeat(4000),
            request: Some("client:mine".to_owned()),
        };
        audit
            .record_blocking(record(Action::Deploy, "changed"))
            .unwrap();
        let long = "\u{1}".repeat(1024);
        for _ in 0..1000 {
            audit
                .record_blocking(record(Action::DeployRefused, &long))
                .unwrap();
        }
        now.store(120_000, std::sync::atomic::Ordering::Relaxed);
        audit
            .record_blocking(record(Action::DeployRefused, "last"))
            .unwrap();
        let lines = audit.last(10_000).unwrap();
        assert!(lines.iter().any(|line| line.record.subject == "changed"));
        assert!(lines.len() <= 3 + usize::try_from(REFUSED_PER_MINUTE_MAX).unwrap());
        let sum = "940 more were refused in a minute before";
        assert!(
            lines.iter().any(|line| line.record.outcome == sum),
            "{lines:?}"
        );
        assert_eq!(lines.last().unwrap().record.subject, "last");
    }
}
