//! Answers the last question of a chat and counts the bytes of uploaded files, reporting progress
//! that clients can watch.

mod count;

use count::{Counted, count_all};
use sdk::hayrick::pipeline::types::{Level, Options};
use sdk::hayrick::pipeline::{llm, log, response, tasks};
use sdk::{ChatRequest, FilesRequest, Outcome, progress, question, say, user_message};

async fn chat(request: ChatRequest) -> Outcome {
    let question = question(&request.messages)?;
    log::write(
        Level::Info,
        &format!("Task {}: Processing question: {question}", tasks::id()),
    );
    tasks::note("The model has been asked");
    tasks::report(&progress(0, 1));

    let prompt = user_message(format!("You are a helpful assistant. Answer: {question}"));
    let answer = llm::generate_stream(vec![prompt], Options::default()).await?;
    tasks::note("The model answers");
    response::forward(answer).await?;
    tasks::report(&progress(1, 1));
    Ok(())
}

async fn process_files(request: FilesRequest) -> Outcome {
    say(format!("Processing {} files...\n", request.files.len())).await?;
    let counted = count_all(request.files).await;

    let failed = counted.iter().filter(|file| file.size.is_err()).count();
    say(format!(
        "\nProcessed {} files successfully",
        counted.len() - failed
    ))
    .await?;
    if failed > 0 {
        say(format!("\n{failed} files had errors")).await?;
    }
    for Counted { name, size } in counted {
        match size {
            Ok(bytes) => say(format!("\n✓ {name} ({bytes} bytes)")).await?,
            Err(failure) => say(format!("\n✗ {name}: {}", failure.message)).await?,
        }
    }
    Ok(())
}

sdk::serve!(chat: chat, files: process_files);
