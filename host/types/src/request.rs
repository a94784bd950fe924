//! Requests from a protocol to the runtime.

use crate::message::Message;

/// Texts to make vectors of.
#[derive(Debug, Clone)]
pub struct EmbeddingsRequest {
    /// The name of the pipeline as the client sent it.
    pub model: String,
    /// At least one.
    pub texts: Vec<String>,
    /// The length of the vectors, if the client asks for one.
    pub dimensions: Option<u32>,
    /// The whole request body, valid JSON.
    pub body: String,
    /// Headers passed to the plugin, with names in lower case.
    pub headers: Vec<(String, String)>,
}

/// One chat completion.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The name of the pipeline as the client sent it.
    pub model: String,
    pub messages: Vec<Message>,
    /// The whole request body, valid JSON.
    pub body: String,
    /// Headers passed to the plugin, with names in lower case.
    pub headers: Vec<(String, String)>,
}
