//! The record of one run in memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hayrick_types::chunk::{Chunk, Usage};
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;
use hayrick_types::job::{JobId, Progress};
use hayrick_types::json_line::cut_escaped;
use hayrick_types::task::{Note, Task, TaskFilter, TaskStart, TaskStatus};

/// Notes of a run; beyond it the oldest are dropped.
const NOTES_MAX: usize = 100;
/// Bytes of a note as JSON; the rest is truncated.
const NOTE_BYTES_MAX: usize = 1 << 10;
/// Bytes of a progress message as JSON; the rest is truncated.
const PROGRESS_BYTES_MAX: usize = 1 << 10;
/// Bytes of an error as JSON; the rest is truncated.
const ERROR_BYTES_MAX: usize = 8 << 10;
/// Memory of a run without its texts; a generous estimate.
const RUN_BYTES: usize = 512;

/// The record of a run. Chunks are counted without a lock, because there are many of them.
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) pipeline: Arc<str>,
    kind: Export,
    started_at: u64,
    messages: Option<u32>,
    files: Option<u32>,
    job: Option<JobId>,
    chunks: AtomicU64,
    bytes: AtomicU64,
    /// Whether a flush has seen it before.
    met: AtomicBool,
    /// Whether the store has it as a running task.
    written: AtomicBool,
    course: Mutex<Course>,
}

/// The part that changes and has a lock.
struct Course {
    status: TaskStatus,
    ended_at: Option<u64>,
    usage: Option<Usage>,
    error: Option<String>,
    progress: Option<Progress>,
    notes: VecDeque<Note>,
    /// Bytes of the notes as JSON.
    notes_bytes: usize,
}

impl Course {
    fn add_note(&mut self, note: Note, bytes_max: usize) {
        self.notes_bytes += note.json_len();
        self.notes.push_back(note);
        while self.notes.len() > NOTES_MAX || self.notes_bytes > bytes_max {
            let Some(oldest) = self.notes.pop_front() else {
                break;
            };
            self.notes_bytes -= oldest.json_len();
        }
    }
}

impl Run {
    pub(super) fn new(start: &TaskStart<'_>, pipeline: Arc<str>, now: u64) -> Run {
        let (status, notes) = (TaskStatus::Started, VecDeque::new());
        Run {
            id: start.id,
            pipeline,
            kind: start.kind,
            started_at: now,
            messages: start.messages,
            files: start.files,
            job: start.job,
            chunks: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            met: AtomicBool::new(false),
            written: AtomicBool::new(false),
            course: Mutex::new(Course {
                status,
                ended_at: None,
                usage: None,
                error: None,
                progress: None,
                notes,
                notes_bytes: 0,
            }),
        }
    }

    /// The run got its place.
    pub(super) fn process(&self) {
        self.change(|course| course.status = TaskStatus::Processing);
    }

    /// Counts a chunk.
    pub(super) fn count(&self, chunk: &Chunk) {
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }

    /// Adds the tokens of a generation.
    pub(super) fn use_tokens(&self, more: &Usage) {
        self.change(|course| {
            let usage = course.usage.get_or_insert_default();
            usage.input_tokens = usage.input_tokens.saturating_add(more.input_tokens);
            usage.output_tokens = usage.output_tokens.saturating_add(more.output_tokens);
        });
    }

    /// Replaces the progress.
    pub(super) fn report(&self, mut progress: Progress) {
        progress.message = progress
            .message
            .map(|message| cut(&message, PROGRESS_BYTES_MAX));
        self.change(|course| course.progress = Some(progress));
    }

    /// Adds a note, and removes the oldest if all have more than `bytes_max` together.
    pub(super) fn note(&self, text: &str, at: u64, bytes_max: usize) {
        let note = Note {
            at,
            text: cut(text, NOTE_BYTES_MAX),
        };
        self.change(|course| course.add_note(note, bytes_max));
    }

    /// Ends it; false if it had ended before.
    pub(super) fn end(&self, status: TaskStatus, error: Option<&str>, now: u64) -> bool {
        let error = error.map(|error| cut(error, ERROR_BYTES_MAX));
        self.change(|course| {
            course.status = status;
            // The clock may have been set back.
            course.ended_at = Some(now.max(self.started_at));
            course.error = error;
        })
    }

    /// Marks it as seen by a flush; whether it was seen before.
    pub(super) fn meet(&self) -> bool {
        self.met.swap(true, Ordering::Relaxed)
    }

    /// Whether the store shows it as running, which only its end can correct.
    pub(super) fn is_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn set_written(&self, written: bool) {
        self.written.store(written, Ordering::Relaxed);
    }

    pub(super) fn status(&self) -> TaskStatus {
        self.course().status
    }

    /// Whether it matches a filter.
    pub(super) fn matches(&self, filter: &TaskFilter) -> bool {
        filter.kind.is_none_or(|kind| kind == self.kind)
            && filter.status.is_none_or(|status| status == self.status())
    }

    /// Memory it uses; constant after its end.
    pub(super) fn memory(&self) -> usize {
        let course = self.course();
        let notes: usize = course
            .notes
            .iter()
            .map(|note| size_of::<Note>() + note.text.len())
            .sum();
        let message = course
            .progress
            .as_ref()
            .and_then(|progress| progress.message.as_ref())
            .map_or(0, String::len);
        RUN_BYTES + notes + message + course.error.as_ref().map_or(0, String::len)
    }

    /// As it is now.
    pub(super) fn snapshot(&self) -> Task {
        let course = self.course();
        Task {
            id: self.id,
            pipeline: self.pipeline.as_ref().to_owned(),
            kind: self.kind,
            status: course.status,
            started_at: self.started_at,
            ended_at: course.ended_at,
            messages: self.messages,
            files: self.files,
            job: self.job,
            chunks: self.chunks.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            usage: course.usage.clone(),
            error: course.error.clone(),
            progress: course.progress.clone(),
            notes: course.notes.iter().cloned().collect(),
        }
    }

    /// Changes a run that has not ended; false if it has.
    fn change(&self, change: impl FnOnce(&mut Course)) -> bool {
        let mut course = self.course();
        let goes_on = !course.status.is_final();
        if goes_on {
            change(&mut course);
        }
        goes_on
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a text that fits, copied: the guest's string may be much larger.
fn cut(text: &str, bytes_max: usize) -> String {
    cut_escaped(text, bytes_max).to_owned()
}
