//! OpenAI's protocol: chat completions, completions, embeddings and models.

pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod embeddings;
pub(crate) mod models;
mod received;
