//! `tasks`: what others see of the current run.

use hayrick_types::job::Progress;
use wasmtime::component::HasData;

use crate::bindings::hayrick::pipeline::{tasks, types};
use crate::run_context::RunContext;

/// What a run reaches of its own task.
pub struct TasksView<'a>(pub(crate) &'a RunContext);

/// How wasmtime gets at the view.
pub(crate) struct HasTasks;

impl HasData for HasTasks {
    type Data<'a> = TasksView<'a>;
}

impl tasks::Host for TasksView<'_> {
    fn id(&mut self) -> wasmtime::Result<String> {
        Ok(self.0.id.to_string())
    }

    fn report(&mut self, progress: types::Progress) -> wasmtime::Result<()> {
        let progress = Progress {
            done: progress.done,
            total: progress.total,
            message: progress.message,
        };
        if let Some(attempt) = &self.0.attempt {
            attempt.progress.send_replace(Some(progress.clone()));
        }
        if let Some(recorder) = &self.0.recorder {
            recorder.report(progress);
        }
        Ok(())
    }

    fn note(&mut self, text: String) -> wasmtime::Result<()> {
        if let Some(recorder) = &self.0.recorder {
            recorder.note(&text);
        }
        Ok(())
    }
}
