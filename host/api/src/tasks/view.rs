//! Tasks as JSON. Times are Unix times in seconds with a fraction.

use hayrick_types::task::{Task, TaskCounts};
use serde::Serialize;

use crate::times::seconds;

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
struct UsageView {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Debug, Serialize)]
struct ProgressView {
    done: u64,
    total: Option<u64>,
    message: Option<String>,
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
            usage: task.usage.map(|usage| UsageView {
                prompt_tokens: usage.input_tokens,
                completion_tokens: usage.output_tokens,
                total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            }),
            error: task.error,
            progress: task.progress.map(|progress| ProgressView {
                done: progress.done,
                total: progress.total,
                message: progress.message,
            }),
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
    /// To be sent as `before` for the next page.
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
    /// A page that was asked for with this limit: a full one may have a next.
    pub(super) fn new(tasks: Vec<Task>, counts: TaskCounts, limit: u32) -> ListView {
        let TaskCounts {
            started,
            processing,
            completed,
            error,
            cancelled,
        } = counts;
        let is_full = tasks.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = tasks
            .last()
            .filter(|_| is_full)
            .map(|task| task.id.to_string());
        ListView {
            object: "list",
            data: tasks.into_iter().map(TaskView::from).collect(),
            next,
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
