//! The tokens of an answer, under OpenAI's names.

use hayrick_types::chunk::Usage;
use serde::Serialize;

/// How many tokens were read and written.
#[derive(Debug, Serialize)]
pub(crate) struct UsageView {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) total_tokens: u64,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> UsageView {
        UsageView {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
        }
    }
}
