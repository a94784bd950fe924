//! Tasks: what is known of a run, whatever started it.

use crate::chunk::Usage;
use crate::id::RunId;
use crate::job::{JobId, Progress};

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskKind {
    Chat,
    Files,
    Api,
    Job,
}

impl TaskKind {
    /// Every kind.
    pub const ALL: [TaskKind; 4] = [TaskKind::Chat, TaskKind::Files, TaskKind::Api, TaskKind::Job];

    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskKind::Chat => "chat",
            TaskKind::Files => "files",
            TaskKind::Api => "api",
            TaskKind::Job => "job",
        }
    }

    /// The kind a word names.
    pub fn parse(word: &str) -> Option<TaskKind> {
        TaskKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStatus {
    /// Accepted; it may be waiting for a place.
    Started,
    /// The plugin is at work.
    Processing,
    Completed,
    Error,
    /// The client hung up, or somebody stopped it.
    Cancelled,
}

impl TaskStatus {
    /// Every status, in the order of a run's life.
    pub const ALL: [TaskStatus; 5] =
        [TaskStatus::Started, TaskStatus::Processing, TaskStatus::Completed, TaskStatus::Error, TaskStatus::Cancelled];

    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskStatus::Started => "started",
            TaskStatus::Processing => "processing",
            TaskStatus::Completed => "completed",
            TaskStatus::Error => "error",
            TaskStatus::Cancelled => "cancelled",
        }
    }

    /// The status a word names.
    pub fn parse(word: &str) -> Option<TaskStatus> {
        TaskStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the run is over.
    pub fn is_final(self) -> bool {
        !matches!(self, TaskStatus::Started | TaskStatus::Processing)
    }
}

/// A line a plugin left beside its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Unix time, milliseconds.
    pub at: u64,
    pub text: String,
}

/// What is known of a run. Times are Unix times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: RunId,
    pub pipeline: String,
    pub kind: TaskKind,
    pub status: TaskStatus,
    pub started_at: u64,
    pub ended_at: Option<u64>,
    /// Messages of a chat.
    pub messages: Option<u32>,
    /// Files of an upload.
    pub files: Option<u32>,
    /// The job whose attempt this is.
    pub job: Option<JobId>,
    /// Chunks put out.
    pub chunks: u64,
    /// Bytes of text put out.
    pub bytes: u64,
    pub usage: Option<Usage>,
    pub error: Option<String>,
    pub progress: Option<Progress>,
    pub notes: Vec<Note>,
}
