//! One run as it is recorded, until its end is on disk.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hayrick_types::chunk::{Chunk, Usage};
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;
use hayrick_types::job::{JobId, Progress};
use hayrick_types::task::{Note, Task, TaskFilter, TaskStart, TaskStatus};

/// Notes of a run; the oldest goes first.
const NOTES_MAX: usize = 100;
/// Bytes of a note; the rest is cut.
const NOTE_BYTES_MAX: usize = 1 << 10;
/// Bytes of the message of a progress; the rest is cut.
const PROGRESS_BYTES_MAX: usize = 1 << 10;
/// Bytes of an error; the rest is cut.
const ERROR_BYTES_MAX: usize = 8 << 10;
/// What a run takes in memory besides its texts, with room to spare.
const RUN_BYTES: usize = 512;

/// What is known of a run. Chunks are counted without a lock: they are many, and nobody waits for
/// an exact count.
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
    /// Whether a flush has met it before.
    met: AtomicBool,
    /// Whether the store has it, as a run that goes on.
    written: AtomicBool,
    course: Mutex<Course>,
}

/// What changes now and then.
struct Course {
    status: TaskStatus,
    ended_at: Option<u64>,
    usage: Option<Usage>,
    error: Option<String>,
    progress: Option<Progress>,
    notes: VecDeque<Note>,
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
            }),
        }
    }

    /// It got its place.
    pub(super) fn process(&self) {
        self.change(|course| course.status = TaskStatus::Processing);
    }

    /// Counts a chunk.
    pub(super) fn count(&self, chunk: &Chunk) {
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }

    /// Adds what a model's answer took.
    pub(super) fn use_tokens(&self, more: Usage) {
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

    /// Adds a note.
    pub(super) fn note(&self, text: &str, at: u64) {
        let note = Note {
            at,
            text: cut(text, NOTE_BYTES_MAX),
        };
        self.change(|course| {
            if course.notes.len() == NOTES_MAX {
                course.notes.pop_front();
            }
            course.notes.push_back(note);
        });
    }

    /// Ends it; whether it was not over before.
    pub(super) fn end(&self, status: TaskStatus, error: Option<&str>, now: u64) -> bool {
        let error = error.map(|error| cut(error, ERROR_BYTES_MAX));
        self.change(|course| {
            course.status = status;
            // The clock may have been set back.
            course.ended_at = Some(now.max(self.started_at));
            course.error = error;
        })
    }

    /// Whether a flush meets it for the second time, or more often.
    pub(super) fn meet(&self) -> bool {
        self.met.swap(true, Ordering::Relaxed)
    }

    /// Whether the store has it as a run that goes on, which then only its end can set right.
    pub(super) fn is_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn set_written(&self, written: bool) {
        self.written.store(written, Ordering::Relaxed);
    }

    pub(super) fn status(&self) -> TaskStatus {
        self.course().status
    }

    /// Whether it is of the kind and status that are asked for.
    pub(super) fn matches(&self, filter: &TaskFilter) -> bool {
        filter.kind.is_none_or(|kind| kind == self.kind)
            && filter.status.is_none_or(|status| status == self.status())
    }

    /// Memory it takes; after its end it stays the same.
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
            usage: course.usage,
            error: course.error.clone(),
            progress: course.progress.clone(),
            notes: course.notes.iter().cloned().collect(),
        }
    }

    /// Changes a run that is not over; whether it was not.
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

/// As much of a text as fits, in memory of its own: what a guest gave may be larger than what is
/// kept of it.
fn cut(text: &str, bytes_max: usize) -> String {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or_default()
        .to_owned()
}
