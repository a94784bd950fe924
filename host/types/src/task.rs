//! Tasks: the records of runs.

use crate::chunk::Usage;
use crate::contract::Export;
use crate::id::RunId;
use crate::job::{JobId, Progress};
use crate::json_line::escaped_len;

/// The status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStatus {
    /// Accepted; it may be waiting for a free slot.
    Started,
    /// The plugin is running.
    Processing,
    Completed,
    Error,
    /// The client hung up, or the run was stopped.
    Cancelled,
}

impl TaskStatus {
    /// All statuses, in the order of a run's life.
    pub const ALL: [TaskStatus; 5] = [
        TaskStatus::Started,
        TaskStatus::Processing,
        TaskStatus::Completed,
        TaskStatus::Error,
        TaskStatus::Cancelled,
    ];

    /// The name used in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskStatus::Started => "started",
            TaskStatus::Processing => "processing",
            TaskStatus::Completed => "completed",
            TaskStatus::Error => "error",
            TaskStatus::Cancelled => "cancelled",
        }
    }

    /// Parses the name used in JSON and in the store.
    pub fn parse(name: &str) -> Option<TaskStatus> {
        TaskStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
    }

    /// Whether the run has ended.
    pub fn is_final(self) -> bool {
        !matches!(self, TaskStatus::Started | TaskStatus::Processing)
    }
}

/// A line that a plugin added to its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Unix time, milliseconds.
    pub at: u64,
    pub text: String,
}

/// The record of a run. Times are Unix times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: RunId,
    pub pipeline: String,
    pub kind: Export,
    pub status: TaskStatus,
    pub started_at: u64,
    pub ended_at: Option<u64>,
    /// Number of messages, for a chat.
    pub messages: Option<u32>,
    /// Number of files, for an upload.
    pub files: Option<u32>,
    /// The job whose attempt this is.
    pub job: Option<JobId>,
    /// Number of chunks in the answer.
    pub chunks: u64,
    /// Bytes of text in the answer.
    pub bytes: u64,
    pub usage: Option<Usage>,
    pub error: Option<String>,
    pub progress: Option<Progress>,
    pub notes: Vec<Note>,
}

/// Bytes of a task in JSON without its texts, at most.
const TASK_JSON_BYTES: usize = 1 << 10;
/// The same of a note.
const NOTE_JSON_BYTES: usize = 64;

impl Task {
    /// About how many bytes it has as JSON.
    pub fn json_len(&self) -> usize {
        let message = self
            .progress
            .as_ref()
            .and_then(|progress| progress.message.as_deref());
        let texts = [self.error.as_deref(), message];
        let texts: usize = texts.into_iter().flatten().map(escaped_len).sum();
        let notes: usize = self.notes.iter().map(Note::json_len).sum();
        TASK_JSON_BYTES + texts + notes
    }
}

impl Note {
    /// About how many bytes it has as JSON.
    pub fn json_len(&self) -> usize {
        NOTE_JSON_BYTES + escaped_len(&self.text)
    }
}

/// A page of tasks, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskPage {
    pub tasks: Vec<Task>,
    /// Where the next page begins; `None` on the last page. A page of long tasks may be shorter
    /// than was asked for.
    pub next: Option<RunId>,
}

/// A new run.
#[derive(Debug, Clone, Copy)]
pub struct TaskStart<'a> {
    pub id: RunId,
    pub pipeline: &'a str,
    pub kind: Export,
    /// Number of messages, for a chat.
    pub messages: Option<u32>,
    /// Number of files, for an upload.
    pub files: Option<u32>,
    /// The job whose attempt this is.
    pub job: Option<JobId>,
}

/// Selects tasks; `None` matches everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskFilter {
    pub status: Option<TaskStatus>,
    pub kind: Option<Export>,
    /// Only runs that began before this one, for example the last of a page.
    pub before: Option<RunId>,
    pub limit: u32,
}

impl Default for TaskFilter {
    /// The newest 100.
    fn default() -> TaskFilter {
        TaskFilter {
            status: None,
            kind: None,
            before: None,
            limit: 100,
        }
    }
}

/// The number of tasks by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskCounts {
    pub started: u64,
    pub processing: u64,
    pub completed: u64,
    pub error: u64,
    pub cancelled: u64,
}

impl TaskCounts {
    /// Adds to the number of a status.
    pub fn add(&mut self, status: TaskStatus, number: u64) {
        *match status {
            TaskStatus::Started => &mut self.started,
            TaskStatus::Processing => &mut self.processing,
            TaskStatus::Completed => &mut self.completed,
            TaskStatus::Error => &mut self.error,
            TaskStatus::Cancelled => &mut self.cancelled,
        } += number;
    }
}
