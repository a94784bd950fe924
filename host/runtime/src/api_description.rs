//! What the API of a plugin says about itself.

use hayrick_capabilities::bindings::exports::hayrick::pipeline::api::Description;

use crate::error::DeployError;
use crate::schema::check::{Schema, SchemaError};

/// Characters of a title. It is one line of a page.
const TITLE_CHARS_MAX: usize = 200;
/// Characters of a summary.
const SUMMARY_CHARS_MAX: usize = 4000;

/// What the API of a plugin says about itself, checked.
#[derive(Debug)]
pub struct ApiDescription {
    pub title: Option<String>,
    pub summary: Option<String>,
    /// The schema of an object.
    pub input: Schema,
    /// The schema of the value that it returns.
    pub output: Option<Schema>,
}

impl ApiDescription {
    /// Checks what the plugin returned.
    ///
    /// # Errors
    /// A text is too long, or a schema cannot be used.
    pub(crate) fn new(described: &Description) -> Result<ApiDescription, DeployError> {
        Ok(ApiDescription {
            title: text("title", described.title.as_deref(), TITLE_CHARS_MAX)?,
            summary: text("summary", described.summary.as_deref(), SUMMARY_CHARS_MAX)?,
            input: Schema::of_input(&described.input)
                .map_err(|error| of_schema("the schema of its input", &error))?,
            output: described
                .output
                .as_deref()
                .map(Schema::new)
                .transpose()
                .map_err(|error| of_schema("the schema of its output", &error))?,
        })
    }
}

fn text(name: &str, text: Option<&str>, max: usize) -> Result<Option<String>, DeployError> {
    let is_long = text.is_some_and(|text| text.chars().count() > max);
    if is_long {
        return Err(DeployError::Description {
            reason: format!("{name} has more than {max} characters"),
            limit: None,
        });
    }
    Ok(text.map(str::to_owned))
}

fn of_schema(what: &str, error: &SchemaError) -> DeployError {
    DeployError::Description {
        reason: format!("{what}: {error}"),
        limit: error.limit(),
    }
}
