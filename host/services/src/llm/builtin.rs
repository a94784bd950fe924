//! The built-in model, which answers when no upstream is configured. It is deterministic, and says
//! what it is.

use std::hash::{DefaultHasher, Hash, Hasher};

use hayrick_types::chunk::{Chunk, FinishReason, Usage};
use hayrick_types::embeddings::Embeddings;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::generation::Options;
use hayrick_types::message::{Message, Part, Role};

use crate::llm::generation::Generation;

/// The alias and the model's name.
pub(crate) const ALIAS: &str = "builtin";
/// What every answer begins with; ` You said: ` and the text of the last user message follow.
const INTRODUCTION: &str = "I am Hayrick's built-in model: no upstream is configured.";
/// Texts of one call of [`embed`], as many as OpenAI takes: vectors are larger than short texts.
const TEXTS_MAX: usize = 2048;
/// Numbers in a vector of [`embed`].
const DIMENSIONS: usize = 64;

/// Answers word by word. A token is a word: the usage counts those of all messages and of the
/// answer, and `max_tokens` limits the words.
pub(crate) fn generate(messages: &[Message], options: &Options) -> Generation {
    let answer = answer(messages);
    let words: Vec<&str> = answer.split_inclusive(' ').collect();
    let words_max = options
        .max_tokens
        .and_then(|tokens| usize::try_from(tokens).ok())
        .unwrap_or(usize::MAX);
    let finish = if words.len() > words_max {
        FinishReason::Length
    } else {
        FinishReason::Stop
    };
    let mut chunks: Vec<Chunk> = words
        .into_iter()
        .take(words_max)
        .map(|word| Chunk::Text(word.to_owned()))
        .collect();
    let input_tokens = messages
        .iter()
        .map(|message| text(message).split_whitespace().count() as u64)
        .sum();
    let usage = Usage {
        input_tokens,
        output_tokens: chunks.len() as u64,
        details: None,
    };
    chunks.extend([Chunk::Finish(finish), Chunk::Usage(usage)]);
    Generation::replay(chunks.into())
}

/// Vectors of length 1 in which texts that share words lie near each other: each word adds to one
/// of 64 numbers.
///
/// # Errors
/// There are too many texts.
pub(crate) fn embed(texts: &[String]) -> Result<Embeddings, Failure> {
    if texts.len() > TEXTS_MAX {
        let text = format!("the built-in model embeds at most {TEXTS_MAX} texts at a time");
        return Err(Failure::new(FailureKind::InvalidInput, text));
    }
    Ok(Embeddings {
        vectors: texts.iter().map(|text| vector(text)).collect(),
        tokens: None,
    })
}

fn answer(messages: &[Message]) -> String {
    let said = messages
        .iter()
        .rev()
        .find(|message| message.role == Role::User)
        .map(text)
        .unwrap_or_default();
    if said.is_empty() {
        INTRODUCTION.to_owned()
    } else {
        format!("{INTRODUCTION} You said: {said}")
    }
}

fn text(message: &Message) -> String {
    let texts = message.content.iter().filter_map(Part::as_text);
    texts.collect::<Vec<_>>().join(" ")
}

fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    for word in text.split_whitespace() {
        let mut hasher = DefaultHasher::new();
        word.to_lowercase().hash(&mut hasher);
        if let Some(number) = vector.get_mut(hasher.finish() as usize % DIMENSIONS) {
            *number += 1.0;
        }
    }
    let length = vector
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt()
        .max(1.0);
    vector.iter().map(|number| number / length).collect()
}
