//! OpenAI's protocol: chat completions and models.

pub(crate) mod chat;
pub(crate) mod models;
