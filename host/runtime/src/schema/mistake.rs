//! What is wrong with a value, for the client that sent it.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;

/// A value of the input that does not match the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The names and indices that lead to the value.
    pub path: Vec<String>,
    /// The keyword of the schema, such as `required`.
    pub keyword: String,
    /// What is wrong, without the value.
    pub message: String,
}

/// The mistakes that an error of the library stands for: one for each field.
pub(super) fn mistakes(error: &ValidationError<'_>) -> Vec<Mistake> {
    let path: Vec<String> = error
        .instance_path()
        .as_str()
        .split('/')
        .skip(1)
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
        .collect();
    let of = |name: Option<&str>, message: String| Mistake {
        path: path
            .iter()
            .cloned()
            .chain(name.map(str::to_owned))
            .collect(),
        keyword: error.kind().keyword().to_owned(),
        message,
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            vec![of(property.as_str(), "is missing".to_owned())]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| of(Some(name), "is not a field of this input".to_owned()))
            .collect(),
        _ => vec![of(None, error.masked_with("it").to_string())],
    }
}
