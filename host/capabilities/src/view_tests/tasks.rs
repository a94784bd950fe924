//! `tasks`: a run reports on its own task.

use hayrick_types::contract::Export;
use hayrick_types::task::TaskStart;

use crate::bindings::hayrick::pipeline::types::Progress;
use crate::bindings::sync::hayrick::pipeline_sync::tasks::Host as _;
use crate::tasks::view;
use crate::view_tests::{Host, policy};

#[tokio::test]
async fn progress_and_notes_reach_the_task_of_the_run() {
    let host = Host::start().await;
    let mut run = host.run("echo", &policy());
    let id = run.run.id;
    run.run.recorder = Some(host.services.tasks.begin(TaskStart {
        id,
        pipeline: "echo",
        kind: Export::Chat,
        messages: Some(1),
        files: None,
        job: None,
    }));
    assert_eq!(view(&mut run).id().await.unwrap(), id.to_string());
    let progress = Progress {
        done: 1,
        total: Some(2),
        message: Some("half".to_owned()),
    };
    view(&mut run).report(progress).await.unwrap();
    view(&mut run).note("a note".to_owned()).await.unwrap();

    let task = host.services.tasks.get("echo", id).await.unwrap().unwrap();
    let progress = task.progress.unwrap();
    assert_eq!((progress.done, progress.total), (1, Some(2)));
    assert_eq!(task.notes[0].text, "a note");
    assert!(
        host.services
            .tasks
            .get("other", id)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_setup_has_no_task_and_may_report_all_the_same() {
    let host = Host::start().await;
    let mut run = host.run("echo", &policy());
    view(&mut run)
        .note("nobody sees it".to_owned())
        .await
        .unwrap();
    let counts = host.services.tasks.counts("echo").await.unwrap();
    assert_eq!(counts.started, 0);
}
