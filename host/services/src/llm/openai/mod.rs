//! OpenAI's HTTP API as upstreams speak it. Its types do not leave this folder.

mod content;
pub(crate) mod embeddings;
pub(crate) mod error;
mod event;
mod message;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod tool_calls;
mod usage;
