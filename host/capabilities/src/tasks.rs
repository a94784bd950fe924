//! `tasks`: what others see of the current run.

use hayrick_types::job::Progress;
use wasmtime::component::HasData;

use crate::bindings::hayrick::pipeline::{tasks, types};
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_state::GuestState;
use crate::run_context::RunContext;

/// The part of a run's state that `tasks` uses.
pub struct TasksView<'a>(pub(crate) &'a RunContext);

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = TasksView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> TasksView<'_> {
    TasksView(&state.run)
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

impl sync::tasks::Host for TasksView<'_> {
    async fn id(&mut self) -> wasmtime::Result<String> {
        tasks::Host::id(self)
    }

    async fn report(&mut self, progress: types::Progress) -> wasmtime::Result<()> {
        tasks::Host::report(self, progress)
    }

    async fn note(&mut self, text: String) -> wasmtime::Result<()> {
        tasks::Host::note(self, text)
    }
}
