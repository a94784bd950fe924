//! How an answer ends: what a plugin returned in place of chunks, or after them.

use std::sync::{Arc, Mutex, PoisonError};

use hayrick_capabilities::bindings::exports::hayrick::pipeline::api::Output;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::json_line::is_readable;
use hayrick_types::limit_name::LimitName;

/// What a run returned beside its chunks.
#[derive(Debug, PartialEq, Eq)]
pub enum ApiOutput {
    /// A JSON document.
    Value(String),
    File(ApiFile),
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

impl ApiOutput {
    /// Takes what the plugin returned. `has_sent` says whether chunks came before it.
    ///
    /// # Errors
    /// It is too long, is not JSON, or would be a second answer.
    pub(crate) fn new(
        output: Output,
        bytes_max: usize,
        has_sent: bool,
    ) -> Result<ApiOutput, Failure> {
        let output = match output {
            Output::Sent => return Ok(ApiOutput::Sent),
            _ if has_sent => {
                let text = "the plugin sent chunks and returned a value or a file: it must return \
                    'sent' after chunks";
                return Err(Failure::new(FailureKind::Failed, text));
            }
            Output::Value(json) => ApiOutput::Value(json),
            Output::File(file) => ApiOutput::File(ApiFile {
                name: file.name,
                media_type: file.media_type,
                content: file.content,
            }),
        };
        if output.bytes() > bytes_max {
            let text = format!(
                "the plugin returned {} bytes, but output_bytes_max is {bytes_max}",
                output.bytes()
            );
            return Err(Failure::new(FailureKind::Failed, text).limit(LimitName::OutputBytesMax));
        }
        match &output {
            ApiOutput::Value(json) if !is_readable(json) => Err(Failure::new(
                FailureKind::Failed,
                "the plugin returned a value that is not JSON",
            )),
            _ => Ok(output),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            ApiOutput::Value(json) => json.len(),
            ApiOutput::File(file) => file.content.len(),
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
