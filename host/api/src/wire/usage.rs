//! The tokens of an answer, under OpenAI's names.

use hayrick_types::chunk::Usage;
use serde::Serialize;
use serde_json::{Map, Number, Value};

/// How many tokens were read and written.
#[derive(Debug, Serialize)]
pub(crate) struct UsageView {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) total_tokens: u64,
    /// What else the models counted.
    #[serde(flatten)]
    pub(crate) details: Map<String, Value>,
}

/// What several generations of one answer used.
#[derive(Debug, Default)]
pub(crate) struct UsageSum {
    input_tokens: u64,
    output_tokens: u64,
    details: Map<String, Value>,
}

impl UsageSum {
    /// Adds a generation. Details that are not a JSON object say nothing.
    pub(crate) fn add(&mut self, usage: &Usage) {
        self.input_tokens = self.input_tokens.saturating_add(usage.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(usage.output_tokens);
        let details = usage.details.as_deref();
        if let Some(Ok(more)) = details.map(serde_json::from_str::<Map<String, Value>>) {
            add_all(&mut self.details, more);
        }
    }
}

/// Adds numbers up, in objects too; of anything else the last one counts.
fn add_all(sums: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (sums.get_mut(&name), value) {
            (Some(Value::Object(sums)), Value::Object(more)) => add_all(sums, more),
            (Some(Value::Number(sum)), Value::Number(more)) => *sum = plus(sum, &more),
            (_, value) => {
                sums.insert(name, value);
            }
        }
    }
}

fn plus(sum: &Number, more: &Number) -> Number {
    match (sum.as_u64(), more.as_u64()) {
        (Some(sum), Some(more)) => Number::from(sum.saturating_add(more)),
        _ => {
            let total = sum.as_f64().unwrap_or_default() + more.as_f64().unwrap_or_default();
            Number::from_f64(total).unwrap_or_else(|| sum.clone())
        }
    }
}

impl From<&UsageSum> for UsageView {
    fn from(sum: &UsageSum) -> UsageView {
        // The counts are the host's.
        let mut details = sum.details.clone();
        for name in ["prompt_tokens", "completion_tokens", "total_tokens"] {
            details.remove(name);
        }
        UsageView {
            prompt_tokens: sum.input_tokens,
            completion_tokens: sum.output_tokens,
            total_tokens: sum.input_tokens.saturating_add(sum.output_tokens),
            details,
        }
    }
}

impl From<&Usage> for UsageView {
    fn from(usage: &Usage) -> UsageView {
        let mut sum = UsageSum::default();
        sum.add(usage);
        UsageView::from(&sum)
    }
}
