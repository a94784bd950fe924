//! Runs the command in the last user message, `verb:rest`, on its state and sends the result as
//! JSON.

use sdk::hayrick::pipeline::state::{self, Entry};
use sdk::hayrick::pipeline::types::{Failure, FailureKind};
use sdk::{ChatRequest, Outcome, failure, invalid_input, question, say};
use serde_json::{Value, json};

const USAGE: &str = "write get:KEY, set:KEY=VALUE, setttl:KEY=MILLISECONDS=VALUE, delete:KEY, \
                     list:PREFIX, list:PREFIX=LIMIT=AFTER, cas:KEY=REVISION=VALUE, \
                     cas:KEY=none=VALUE, bump:KEY, tryset:KEY=VALUE or fail:LIMIT";
const LISTED_MAX: u32 = 1000;

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let (verb, rest) = text.split_once(':').ok_or_else(usage)?;
    let done = match verb {
        "get" => json!(state::get(rest.to_owned()).await?.map(shown)),
        "set" => set(rest).await?,
        "setttl" => set_for_a_time(rest).await?,
        "delete" => json!(state::delete(rest.to_owned()).await?),
        "list" => list(rest).await?,
        "cas" => compare_and_set(rest).await?,
        "bump" => bump(rest).await?,
        "tryset" => json!(set(rest).await.is_ok()),
        "fail" => return Err(failure_of_limit(rest)),
        _ => return Err(usage()),
    };
    say(done.to_string()).await
}

fn usage() -> Failure {
    invalid_input(USAGE)
}

/// A failure of the guest's own that names a limit.
fn failure_of_limit(name: &str) -> Failure {
    Failure {
        limit: Some(name.to_owned()),
        ..failure(FailureKind::Limit, "so says the plugin")
    }
}

fn shown(entry: Entry) -> Value {
    json!({ "value": String::from_utf8_lossy(&entry.value), "revision": entry.revision })
}

async fn set(rest: &str) -> Result<Value, Failure> {
    let (key, value) = rest.split_once('=').ok_or_else(usage)?;
    Ok(json!(state::set(key.to_owned(), value.into(), None).await?))
}

async fn set_for_a_time(rest: &str) -> Result<Value, Failure> {
    let (key, millis, value) = three(rest)?;
    let millis = millis.parse().map_err(|_| usage())?;
    Ok(json!(
        state::set(key.to_owned(), value.into(), Some(millis)).await?
    ))
}

/// Lists all keys with the prefix, or at most LIMIT of those after the key AFTER.
async fn list(rest: &str) -> Result<Value, Failure> {
    if !rest.contains('=') {
        return Ok(json!(state::list(rest.to_owned(), None, LISTED_MAX).await?));
    }
    let (prefix, limit, after) = three(rest)?;
    let limit = limit.parse().map_err(|_| usage())?;
    let after = Some(after.to_owned()).filter(|after| !after.is_empty());
    Ok(json!(state::list(prefix.to_owned(), after, limit).await?))
}

async fn compare_and_set(rest: &str) -> Result<Value, Failure> {
    let (key, revision, value) = three(rest)?;
    let expected = match revision {
        "none" => None,
        revision => Some(revision.parse().map_err(|_| usage())?),
    };
    Ok(json!(
        state::compare_and_set(key.to_owned(), expected, value.into(), None).await?
    ))
}

/// Increments a counter, even with concurrent increments; a missing key counts as 0.
async fn bump(key: &str) -> Result<Value, Failure> {
    loop {
        let entry = state::get(key.to_owned()).await?;
        let count = entry.as_ref().map_or(Ok(0), |entry| {
            String::from_utf8_lossy(&entry.value).parse::<u64>()
        });
        let next =
            count.map_err(|_| invalid_input(format!("the value of {key} is not a number")))? + 1;
        let expected = entry.map(|entry| entry.revision);
        if state::compare_and_set(key.to_owned(), expected, next.to_string().into(), None)
            .await?
            .is_some()
        {
            return Ok(json!(next));
        }
    }
}

fn three(rest: &str) -> Result<(&str, &str, &str), Failure> {
    let (first, rest) = rest.split_once('=').ok_or_else(usage)?;
    let (second, third) = rest.split_once('=').ok_or_else(usage)?;
    Ok((first, second, third))
}

sdk::serve!(chat: chat);
