//! Helpers shared by the test guests, which otherwise use plugins/sdk like any plugin.

use sdk::{ChatRequest, Outcome};

/// A chat that sends nothing, for guests that test something else.
///
/// # Errors
/// Never.
pub async fn silent(_request: ChatRequest) -> Outcome {
    Ok(())
}
