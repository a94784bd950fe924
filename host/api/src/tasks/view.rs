//! Tasks as JSON. Times are Unix times in seconds with a fraction.

use hayrick_types::task::{Task, TaskCounts, TaskPage};
use serde::Serialize;

use crate::wire::progress::ProgressView;
use crate::wire::times::seconds;
use crate::wire::usage::UsageView;

/// One task.
#[derive(Debug, Serialize)]
pub(super) struct TaskView {
    id: String,
    pipeline: String,
    kind: &'static str,
    status: &'static str,
    start_time: f64,
    end_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    chunks: u64,
    bytes: u64,
    usage: Option<UsageView>,
    error: Option<String>,
    progress: Option<ProgressView>,
    notes: Vec<NoteView>,
}

#[derive(Debug, Serialize)]
struct NoteView {
    at: f64,
    text: String,
}

impl From<Task> for TaskView {
    fn from(task: Task) -> TaskView {
        TaskView {
            id: task.id.to_string(),
            pipeline: task.pipeline,
            kind: task.kind.task(),
            status: task.status.as_str(),
            start_time: seconds(task.started_at),
            end_time: task.ended_at.map(seconds),
            messages: task.messages,
            files: task.files,
            job: task.job.map(|job| job.to_string()),
            chunks: task.chunks,
            bytes: task.bytes,
            usage: task.usage.as_ref().map(UsageView::from),
            error: task.error,
            progress: task.progress.map(ProgressView::from),
            notes: task
                .notes
                .into_iter()
                .map(|note| NoteView {
                    at: seconds(note.at),
                    text: note.text,
                })
                .collect(),
        }
    }
}

/// A page of tasks, newest first.
#[derive(Debug, Serialize)]
pub(super) struct ListView {
    object: &'static str,
    data: Vec<TaskView>,
    /// The client sends it as `before` to get the next page.
    next: Option<String>,
    counts: CountsView,
}

#[derive(Debug, Serialize)]
struct CountsView {
    started: u64,
    processing: u64,
    completed: u64,
    error: u64,
    cancelled: u64,
}

impl ListView {
    /// A page.
    pub(super) fn new(page: TaskPage, counts: TaskCounts) -> ListView {
        let TaskCounts {
            started,
            processing,
            completed,
            error,
            cancelled,
        } = counts;
        ListView {
            object: "list",
            data: page.tasks.into_iter().map(TaskView::from).collect(),
            next: page.next.map(|id| id.to_string()),
            counts: CountsView {
                started,
                processing,
                completed,
                error,
                cancelled,
            },
        }
    }
}
