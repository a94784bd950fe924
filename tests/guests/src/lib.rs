//! What guests have in common beyond plugins/sdk, which they are written with as any plugin is.

use sdk::{ChatRequest, Outcome};

/// A chat with nothing to say, for guests whose point lies elsewhere.
///
/// # Errors
/// Never.
pub async fn silent(_request: ChatRequest) -> Outcome {
    Ok(())
}
