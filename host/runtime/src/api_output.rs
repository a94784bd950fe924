//! How an answer ends: what a plugin returned in place of chunks, or after them.

use std::sync::{Arc, Mutex, PoisonError};

use hayrick_capabilities::bindings::exports::hayrick::pipeline::api::Output;
use hayrick_types::embeddings::Embeddings;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::json_line::is_readable;
use hayrick_types::limit_name::LimitName;

/// What a run returned beside its chunks.
#[derive(Debug, PartialEq)]
pub enum ApiOutput {
    /// A JSON document.
    Value(String),
    File(ApiFile),
    /// A vector for each text, in their order.
    Vectors(Embeddings),
    /// The chunks are the answer.
    Sent,
}

/// Bytes for the client.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiFile {
    pub name: Option<String>,
    pub media_type: String,
    pub content: Vec<u8>,
}

impl From<Output> for ApiOutput {
    fn from(output: Output) -> ApiOutput {
        match output {
            Output::Sent => ApiOutput::Sent,
            Output::Value(json) => ApiOutput::Value(json),
            Output::File(file) => ApiOutput::File(ApiFile {
                name: file.name,
                media_type: file.media_type,
                content: file.content,
            }),
        }
    }
}

impl ApiOutput {
    /// Vectors whose tokens nobody has counted.
    pub(crate) fn vectors(vectors: Vec<Vec<f32>>) -> ApiOutput {
        ApiOutput::Vectors(Embeddings {
            vectors,
            tokens: None,
        })
    }

    /// Checks what a plugin returned. `has_sent` says whether chunks came before it.
    ///
    /// # Errors
    /// It is too long, is not JSON, or would be a second answer.
    pub(crate) fn checked(self, bytes_max: usize, has_sent: bool) -> Result<ApiOutput, Failure> {
        if has_sent && !matches!(self, ApiOutput::Sent | ApiOutput::Vectors(_)) {
            let text = "the plugin sent chunks and returned a value or a file: it must return \
                'sent' after chunks";
            return Err(Failure::new(FailureKind::Failed, text));
        }
        if self.bytes() > bytes_max {
            let text = format!(
                "the answer has {} bytes, but output_bytes_max is {bytes_max}",
                self.bytes()
            );
            return Err(Failure::new(FailureKind::Failed, text).limit(LimitName::OutputBytesMax));
        }
        match &self {
            ApiOutput::Value(json) if !is_readable(json) => Err(Failure::new(
                FailureKind::Failed,
                "the plugin returned a value that is not JSON",
            )),
            _ => Ok(self),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            ApiOutput::Value(json) => json.len(),
            ApiOutput::File(file) => file.content.len(),
            ApiOutput::Vectors(made) => {
                let vectors = made.vectors.iter();
                vectors.map(|vector| size_of_val(vector.as_slice())).sum()
            }
            ApiOutput::Sent => 0,
        }
    }
}

/// Where a run leaves what it returned, for the reader of its chunks. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Returns(Arc<Mutex<Option<ApiOutput>>>);

impl Returns {
    pub(crate) fn put(&self, output: ApiOutput) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
    }

    /// What the run returned, once its stream has ended.
    pub fn take(&self) -> ApiOutput {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        output.take().unwrap_or(ApiOutput::Sent)
    }
}
