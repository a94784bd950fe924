//! Runs the command in the last user message, `verb:count:bytes`: makes `count` concurrent host
//! calls and passes `bytes` bytes to each.

use futures_util::future::join_all;
use sdk::hayrick::pipeline::jobs::{self, SubmitOptions};
use sdk::hayrick::pipeline::types::{Failure, Level, Options, Progress};
use sdk::hayrick::pipeline::{llm, log, state, tasks, timers};
use sdk::{ChatRequest, Outcome, invalid_input, question, say, user_message};

const USAGE: &str = "write log, note, report, send, set, cas, submit, generate, embed, \
                     sleep or hold, then :COUNT:BYTES";

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let words: Vec<&str> = text.split(':').collect();
    let &[verb, count, bytes] = words.as_slice() else {
        return Err(usage());
    };
    let count: usize = count.parse().map_err(|_| usage())?;
    let text = "x".repeat(bytes.parse().map_err(|_| usage())?);
    if verb == "hold" {
        return hold(count).await;
    }
    let calls = (0..count).map(|number| call(verb, number, text.clone()));
    join_all(calls).await.into_iter().collect::<Outcome>()?;
    say("done").await
}

fn usage() -> Failure {
    invalid_input(USAGE)
}

async fn call(verb: &str, number: usize, text: String) -> Outcome {
    let no_options = Options {
        tools: Vec::new(),
        ..Options::default()
    };
    match verb {
        "log" => log::write(Level::Info, &text),
        "note" => tasks::note(&text),
        "report" => tasks::report(&Progress {
            done: 0,
            total: None,
            message: Some(text),
        }),
        "send" => say(text).await?,
        "set" => drop(state::set(format!("key-{number}"), text.into(), None).await?),
        "cas" => {
            state::compare_and_set(format!("key-{number}"), None, text.into(), None).await?;
        }
        "submit" => drop(
            jobs::submit(
                "any".to_owned(),
                format!("\"{text}\""),
                SubmitOptions::default(),
            )
            .await?,
        ),
        "generate" => drop(llm::generate(vec![user_message(text)], no_options).await?),
        "embed" => drop(llm::embed(vec![text], None).await?),
        "sleep" => timers::sleep(200).await,
        _ => return Err(usage()),
    }
    Ok(())
}

/// Starts generations and keeps them all.
async fn hold(count: usize) -> Outcome {
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(llm::generate_stream(vec![user_message("hi")], Options::default()).await?);
    }
    say(format!("held {}", held.len())).await
}

sdk::serve!(chat: chat);
