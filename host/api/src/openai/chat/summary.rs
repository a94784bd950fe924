//! What identifies an answer, and what its end says of it.

use hayrick_types::chunk::{Chunk, FinishReason};
use hayrick_types::clock;
use hayrick_types::id::RunId;

use crate::wire::usage::{UsageSum, UsageView};

/// The first fields of a whole answer, or of each of its frames.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) id: String,
    /// Unix time, seconds.
    pub(crate) created: u64,
    pub(crate) model: String,
}

impl Identity {
    /// The identity of a chat that starts now.
    pub(crate) fn new(run: RunId, model: String) -> Identity {
        Identity::begin(format!("chatcmpl-{run}"), model)
    }

    /// The identity of an answer to a prompt that starts now.
    pub(crate) fn of_text(run: RunId, model: String) -> Identity {
        Identity::begin(format!("cmpl-{run}"), model)
    }

    fn begin(id: String, model: String) -> Identity {
        Identity {
            id,
            created: clock::since_epoch().as_secs(),
            model,
        }
    }
}

/// What the chunks say about the whole answer.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    usage: UsageSum,
    finish: Option<FinishReason>,
    called_tools: bool,
}

impl Summary {
    /// Takes note of a chunk. Each generation that a run forwards ends with its own usage and
    /// reason: usage adds up, the last reason counts.
    pub(crate) fn note(&mut self, chunk: &Chunk) {
        match chunk {
            Chunk::Usage(usage) => self.usage.add(usage),
            Chunk::Finish(reason) => self.finish = Some(*reason),
            Chunk::ToolCall(_) => self.called_tools = true,
            Chunk::Text(_)
            | Chunk::Reasoning(_)
            | Chunk::Event(_)
            | Chunk::Fields(_)
            | Chunk::MessageFields(_)
            | Chunk::ChoiceFields(_) => {}
        }
    }

    /// Why the answer ended. If the plugin does not say, it ended with tool calls or by itself.
    pub(crate) fn finish(&self) -> &'static str {
        let guess = if self.called_tools {
            FinishReason::ToolCalls
        } else {
            FinishReason::Stop
        };
        self.finish.unwrap_or(guess).as_str()
    }

    /// The tokens; 0 if the plugin does not say.
    pub(crate) fn usage(&self) -> UsageView {
        UsageView::from(&self.usage)
    }
}

#[cfg(test)]
mod tests {
    use hayrick_types::chunk::{ToolCallDelta, Usage};

    use super::*;

    fn call() -> Chunk {
        Chunk::ToolCall(ToolCallDelta {
            index: 0,
            id: None,
            name: None,
            arguments: String::new(),
            fields: None,
        })
    }

    #[test]
    fn the_last_reason_counts_and_a_missing_one_is_inferred() {
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
                details: None,
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
