//! What identifies an answer, and what is said at its end.

use hayrick_types::chunk::{Chunk, FinishReason, Usage};
use hayrick_types::clock;
use hayrick_types::id::RunId;
use serde::Serialize;

/// The fields every frame of an answer, or the whole of it, begins with.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) id: String,
    /// Unix time, seconds.
    pub(crate) created: u64,
    pub(crate) model: String,
}

impl Identity {
    /// The identity of a run that starts now.
    pub(crate) fn new(run: RunId, model: String) -> Identity {
        Identity {
            id: format!("chatcmpl-{run}"),
            created: clock::since_epoch().as_secs(),
            model,
        }
    }
}

/// What chunks say of the whole answer.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    usage: Usage,
    finish: Option<FinishReason>,
    called_tools: bool,
}

impl Summary {
    /// Takes note of a chunk. Each generation that a run forwards ends with its own usage and its
    /// own reason: usage adds up, the last reason counts.
    pub(crate) fn note(&mut self, chunk: &Chunk) {
        match chunk {
            Chunk::Usage(usage) => {
                self.usage.input_tokens =
                    self.usage.input_tokens.saturating_add(usage.input_tokens);
                self.usage.output_tokens =
                    self.usage.output_tokens.saturating_add(usage.output_tokens);
            }
            Chunk::Finish(reason) => self.finish = Some(*reason),
            Chunk::ToolCall(_) => self.called_tools = true,
            Chunk::Text(_) | Chunk::Reasoning(_) | Chunk::Event(_) | Chunk::Fields(_) => {}
        }
    }

    /// Why the answer ended; a plugin that does not say ended it by calling tools, or of itself.
    pub(crate) fn finish(&self) -> &'static str {
        let guess = if self.called_tools {
            FinishReason::ToolCalls
        } else {
            FinishReason::Stop
        };
        self.finish.unwrap_or(guess).as_str()
    }

    /// Tokens, 0 where the plugin does not tell.
    pub(crate) fn usage(&self) -> UsageFields {
        UsageFields {
            prompt_tokens: self.usage.input_tokens,
            completion_tokens: self.usage.output_tokens,
            total_tokens: self
                .usage
                .input_tokens
                .saturating_add(self.usage.output_tokens),
        }
    }
}

/// Usage in OpenAI's words.
#[derive(Debug, Serialize)]
pub(crate) struct UsageFields {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[cfg(test)]
mod tests {
    use hayrick_types::chunk::ToolCallDelta;

    use super::*;

    fn call() -> Chunk {
        Chunk::ToolCall(ToolCallDelta {
            index: 0,
            id: None,
            name: None,
            arguments: String::new(),
        })
    }

    #[test]
    fn the_last_reason_counts_and_silence_is_read() {
        let finish = |reason| Chunk::Finish(reason);
        let cases = [
            (vec![], "stop"),
            (vec![call()], "tool_calls"),
            (vec![call(), finish(FinishReason::Stop)], "stop"),
            (
                vec![
                    finish(FinishReason::ToolCalls),
                    finish(FinishReason::Length),
                ],
                "length",
            ),
        ];
        for (chunks, expected) in cases {
            let mut summary = Summary::default();
            chunks.iter().for_each(|chunk| summary.note(chunk));
            assert_eq!(summary.finish(), expected, "{chunks:?}");
        }
    }

    #[test]
    fn usage_of_several_generations_adds_up_and_never_overflows() {
        let mut summary = Summary::default();
        for (input_tokens, output_tokens) in [(3, 4), (5, u64::MAX)] {
            summary.note(&Chunk::Usage(Usage {
                input_tokens,
                output_tokens,
            }));
        }
        let usage = summary.usage();
        assert_eq!(
            (
                usage.prompt_tokens,
                usage.completion_tokens,
                usage.total_tokens
            ),
            (8, u64::MAX, u64::MAX)
        );
    }
}
