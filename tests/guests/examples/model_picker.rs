//! Asks the model named in the last user message (`default` names no model), with extra fields if
//! they follow the name: `alias {"field": 1}`.

use sdk::hayrick::pipeline::llm;
use sdk::hayrick::pipeline::types::Options;
use sdk::{ChatRequest, Outcome, question, say, user_message};

async fn chat(request: ChatRequest) -> Outcome {
    let text = question(&request.messages)?;
    let (alias, extra) = text
        .split_once(' ')
        .map_or((&*text, None), |(alias, extra)| {
            (alias, Some(extra.to_owned()))
        });
    let model = Some(alias.to_owned()).filter(|alias| alias != "default");
    let answer = llm::generate(
        vec![user_message("hello")],
        Options {
            model,
            extra,
            ..Options::default()
        },
    )
    .await?;
    say(answer.text).await
}

sdk::serve!(chat: chat);
