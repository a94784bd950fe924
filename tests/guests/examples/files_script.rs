//! Does what the form's field `do` says: `refuse` the files, `talk` in chunks of several kinds,
//! send a chunk and then `fail`, or send one and then `wait` forever.

use sdk::hayrick::pipeline::types::{Chunk, Event, Failure, FailureKind};
use sdk::hayrick::pipeline::{response, timers};
use sdk::{FilesRequest, Outcome, invalid_input, say};

async fn files(request: FilesRequest) -> Outcome {
    let verb = request
        .fields
        .iter()
        .find(|(name, _)| name == "do")
        .map_or("", |(_, verb)| verb);
    match verb {
        "talk" => talk().await,
        "fail" => {
            say("so far").await?;
            Err(Failure {
                kind: FailureKind::Unavailable,
                message: "the rest is unavailable".to_owned(),
                retry_after: None,
                limit: None,
            })
        }
        "wait" => {
            say("so far").await?;
            loop {
                timers::sleep(3_600_000).await;
            }
        }
        _ => Err(invalid_input(
            "set the field 'do' to refuse, talk, fail or wait",
        )),
    }
}

async fn talk() -> Outcome {
    response::send(Chunk::Reasoning("hm".to_owned())).await?;
    say("a line\n\nand one more").await?;
    response::send(Chunk::Event(Event {
        kind: "status".to_owned(),
        data: r#"{"done": true}"#.to_owned(),
    }))
    .await?;
    response::send(Chunk::Fields(r#"{"extra": 1}"#.to_owned())).await
}

sdk::serve!(files: files);
