//! Records a run while it lasts.

use std::sync::Arc;

use hayrick_types::chunk::{Chunk, Usage};
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::id::RunId;
use hayrick_types::job::Progress;
use hayrick_types::task::{Task, TaskStatus};

use crate::tasks::live_runs::LiveRuns;
use crate::tasks::run::Run;

const HUNG_UP: &str = "the client hung up";

/// Records one run. A cheap handle. If the last one is dropped without [`TaskRecorder::finish`],
/// the client hung up. Nothing here blocks, and after the end nothing changes.
#[derive(Clone)]
pub struct TaskRecorder {
    record: Arc<Record>,
}

struct Record {
    run: Arc<Run>,
    live_runs: Arc<LiveRuns>,
}

impl TaskRecorder {
    pub(super) fn new(run: Arc<Run>, live_runs: Arc<LiveRuns>) -> TaskRecorder {
        TaskRecorder {
            record: Arc::new(Record { run, live_runs }),
        }
    }

    /// The run's id.
    pub fn id(&self) -> RunId {
        self.record.run.id
    }

    /// The run got its place and the plugin is working.
    pub fn processing(&self) {
        self.record.run.process();
    }

    /// A chunk went out.
    pub fn chunk(&self, chunk: &Chunk) {
        self.record.run.count(chunk);
    }

    /// Adds the tokens of a generation, whether or not the client saw it.
    pub fn usage(&self, usage: &Usage) {
        self.record.run.use_tokens(usage);
    }

    /// Sets the progress. Its message is truncated to 1 KiB.
    pub fn report(&self, progress: Progress) {
        self.record.run.report(progress);
    }

    /// Adds a note, truncated to 1 KiB; the last 100 are kept, or fewer if they are
    /// long.
    pub fn note(&self, text: &str) {
        let live_runs = &self.record.live_runs;
        let bytes_max = live_runs.notes_bytes_max();
        self.record.run.note(text, live_runs.now(), bytes_max);
    }

    /// Ends the task. Only the first call counts. The error is truncated to 8 KiB.
    pub fn finish(&self, outcome: Result<(), &Failure>) {
        let (status, error) = match outcome {
            Ok(()) => (TaskStatus::Completed, None),
            Err(failure) if failure.kind == FailureKind::Cancelled => {
                (TaskStatus::Cancelled, Some(failure.message.as_str()))
            }
            Err(failure) => (TaskStatus::Error, Some(failure.message.as_str())),
        };
        self.record.live_runs.end(&self.record.run, status, error);
    }

    /// The task as it is now.
    pub fn snapshot(&self) -> Task {
        self.record.run.snapshot()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.live_runs
            .end(&self.run, TaskStatus::Cancelled, Some(HUNG_UP));
    }
}
