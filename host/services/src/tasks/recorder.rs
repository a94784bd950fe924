//! What a run is recorded with, while it goes on.

use std::sync::Arc;

use hayrick_types::chunk::{Chunk, Usage};
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;
use hayrick_types::job::Progress;
use hayrick_types::task::{Task, TaskStatus};

use crate::tasks::board::Board;
use crate::tasks::run::Run;

const HUNG_UP: &str = "the client hung up";

/// Records one run. A cheap handle; when the last one is dropped and none was told how the run
/// ended, the client hung up. Nothing here waits, and after the end nothing changes.
#[derive(Clone)]
pub struct TaskRecorder {
    record: Arc<Record>,
}

struct Record {
    run: Arc<Run>,
    board: Arc<Board>,
}

impl TaskRecorder {
    pub(super) fn new(run: Arc<Run>, board: Arc<Board>) -> TaskRecorder {
        TaskRecorder {
            record: Arc::new(Record { run, board }),
        }
    }

    /// The run's id.
    pub fn id(&self) -> RunId {
        self.record.run.id
    }

    /// The run got its place: the plugin is at work.
    pub fn processing(&self) {
        self.record.run.process();
    }

    /// A chunk went out.
    pub fn chunk(&self, chunk: &Chunk) {
        self.record.run.count(chunk);
    }

    /// A model's answer took so many tokens, whether or not the client saw it. It adds up.
    pub fn usage(&self, usage: Usage) {
        self.record.run.use_tokens(usage);
    }

    /// How far the run has come; the newest report counts. Its message is cut after 1 KiB.
    pub fn report(&self, progress: Progress) {
        self.record.run.report(progress);
    }

    /// A line beside the run, cut after 1 KiB; the last 100 are kept.
    pub fn note(&self, text: &str) {
        self.record.run.note(text, self.record.board.now());
    }

    /// The run is over, and how: the first to say so is believed. The error's text is cut after 8
    /// KiB.
    pub fn finish(&self, outcome: Result<(), &Failure>) {
        let (status, error) = match outcome {
            Ok(()) => (TaskStatus::Completed, None),
            Err(failure) if failure.kind == FailureKind::Cancelled => {
                (TaskStatus::Cancelled, Some(failure.message.as_str()))
            }
            Err(failure) => (TaskStatus::Error, Some(failure.message.as_str())),
        };
        self.record.board.end(&self.record.run, status, error);
    }

    /// What is known of the run now.
    pub fn snapshot(&self) -> Task {
        self.record.run.snapshot()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.board
            .end(&self.run, TaskStatus::Cancelled, Some(HUNG_UP));
    }
}
