//! What a request to a model takes from the token budget of its run.

use hayrick_services::budgets::budget::{Budget, Charge, TOKEN_BYTES};
use hayrick_types::failure::Failure;
use hayrick_types::generation::{Options, Tool};
use hayrick_types::message::Message;

/// Answer tokens that one may ask any model for.
const MAX_TOKENS_OF_ANY_MODEL: u32 = 4096;

/// Charges texts to embed to the budget, if there is one.
///
/// # Errors
/// `limit` if the budget has less.
pub fn charge_texts(budget: Option<&Budget>, texts: &[String]) -> Result<Option<Charge>, Failure> {
    let bytes = texts.iter().map(|text| text.len().max(TOKEN_BYTES)).sum();
    budget.map(|budget| budget.ask(bytes)).transpose()
}

/// Charges the prompt to the budget, if there is one, and limits `max_tokens` to what is left.
///
/// # Errors
/// `limit` if the budget has less.
pub fn charge(
    budget: Option<&Budget>,
    messages: &[Message],
    options: &mut Options,
) -> Result<Option<Charge>, Failure> {
    let Some(budget) = budget else {
        return Ok(None);
    };
    let texts = messages
        .iter()
        .map(|message| message.text_bytes().max(TOKEN_BYTES));
    let tools = options.tools.iter().map(Tool::text_bytes);
    // A model reads the tools that stand there.
    let extra = options.extra.as_ref().map_or(0, String::len);
    let charge = budget.ask(texts.chain(tools).sum::<usize>() + extra)?;
    let left = u32::try_from(budget.left()?).unwrap_or(u32::MAX);
    // A model rejects a request for more tokens than it can generate, so do not ask for all of a
    // large budget.
    let wanted = options
        .max_tokens
        .or((left <= MAX_TOKENS_OF_ANY_MODEL).then_some(left));
    options.max_tokens = wanted.map(|wanted| wanted.min(left));
    Ok(Some(charge))
}
