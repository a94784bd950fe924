//! One schema, ready to check values.

use hayrick_types::limit_name::LimitName;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::mistake::{Mistake, mistakes};
use super::visits::{self, VisitsError};

/// The longest schema. Those of real APIs have some kilobytes.
const SCHEMA_BYTES_MAX: usize = 64 << 10;
/// The most regular expressions of a schema.
const PATTERNS_MAX: usize = 64;
/// Compiled size of all of them together, and of what they keep while they match. Each has a share.
const PATTERNS_BYTES_MAX: usize = 8 << 20;
/// Schemas with fewer regular expressions get shares as if they had these.
const PATTERNS_MIN: usize = 8;
/// Mistakes that one answer names.
const MISTAKES_MAX: usize = 100;

/// A schema of a plugin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("it has {length} bytes, but schema_bytes_max is {SCHEMA_BYTES_MAX}: make it shorter")]
    TooLong { length: usize },
    #[error("it is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("its type must be \"object\": the input of an API has fields")]
    NotAnObject,
    #[error(transparent)]
    Visits(#[from] VisitsError),
    #[error("it has {count} patterns, but schema_patterns_max is {PATTERNS_MAX}: use fewer")]
    Patterns { count: usize },
    #[error("a pattern is not a regular expression, or is too large: make it simpler ({0})")]
    Pattern(String),
    #[error("{0}")]
    NotASchema(String),
}

impl SchemaError {
    /// The limit that was reached, if that is the reason.
    pub fn limit(&self) -> Option<LimitName> {
        match self {
            SchemaError::TooLong { .. } => Some(LimitName::SchemaBytesMax),
            SchemaError::Visits(VisitsError::TooMany) => Some(LimitName::SchemaVisitsMax),
            SchemaError::Patterns { .. } => Some(LimitName::SchemaPatternsMax),
            SchemaError::NotJson(_)
            | SchemaError::NotAnObject
            | SchemaError::Visits(_)
            | SchemaError::Pattern(_)
            | SchemaError::NotASchema(_) => None,
        }
    }

    /// What the library says of a schema. It says of a large pattern what it says of a wrong one.
    fn of_library(error: &ValidationError<'_>) -> SchemaError {
        let text = error.masked().to_string();
        if error.kind().keyword() == "format" {
            SchemaError::Pattern(text)
        } else {
            SchemaError::NotASchema(text)
        }
    }
}

/// A schema of JSON Schema 2020-12.
#[derive(Debug)]
pub struct Schema {
    document: Value,
    validator: Validator,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// It is not one, or a value could make checking expensive.
    pub fn new(text: &str) -> Result<Schema, SchemaError> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::TooLong { length: text.len() });
        }
        let mut document: Value = serde_json::from_str(text)?;
        if let Some(members) = document.as_object_mut() {
            // They say where a schema is from. This one is here.
            members.remove("$id");
            members.remove("$schema");
        }
        visits::check(&document)?;
        let count = patterns(&document);
        if count > PATTERNS_MAX {
            return Err(SchemaError::Patterns { count });
        }
        let share = PATTERNS_BYTES_MAX / count.max(PATTERNS_MIN);
        let validator = jsonschema::draft202012::options()
            .with_pattern_options(
                PatternOptions::regex()
                    .size_limit(share)
                    .dfa_size_limit(share),
            )
            .build(&document)
            .map_err(|error| SchemaError::of_library(&error))?;
        Ok(Schema {
            document,
            validator,
        })
    }

    /// Reads the schema of an input, which must be one of objects.
    ///
    /// # Errors
    /// As [`Schema::new`], or the schema does not ask for an object.
    pub fn of_input(text: &str) -> Result<Schema, SchemaError> {
        let schema = Schema::new(text)?;
        let is_object = schema
            .document
            .get("type")
            .is_some_and(|kind| kind == "object");
        is_object.then_some(schema).ok_or(SchemaError::NotAnObject)
    }

    /// The schema itself.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The schema of a member of the values of this one, with its references followed.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.follow(self.document.get("properties")?.get(name)?)
    }

    /// The schema to which a schema of this document refers, or the schema itself.
    pub fn follow<'a>(&'a self, mut schema: &'a Value) -> Option<&'a Value> {
        // Circles were refused.
        while let Some(Value::String(reference)) = schema.get("$ref") {
            schema = visits::target(&self.document, reference)?;
        }
        Some(schema)
    }

    /// Checks a value.
    ///
    /// # Errors
    /// The value does not match: every mistake, up to a hundred.
    pub fn check(&self, value: &Value) -> Result<(), Vec<Mistake>> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let errors = self.validator.iter_errors(value);
        let found: Vec<Mistake> = errors
            .flat_map(|error| mistakes(&error))
            .take(MISTAKES_MAX)
            .collect();
        Err(found)
    }
}

/// How many regular expressions a schema has at most.
fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("pattern", Value::String(_)) => 1,
                ("patternProperties", Value::Object(named)) => named.len() + patterns(value),
                _ => patterns(value),
            })
            .sum(),
        Value::Array(items) => items.iter().map(patterns).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(document: &Value) -> Schema {
        Schema::of_input(&document.to_string()).unwrap()
    }

    #[test]
    fn every_field_that_is_wrong_is_named_at_once() {
        let schema = schema(&json!({
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "n": {"type": "integer", "minimum": 1},
                "list": {"type": "array", "items": {"type": "boolean"}},
            },
            "required": ["text"],
            "additionalProperties": false,
        }));
        let input = json!({"n": "secret", "list": [true, 1], "a/b": 2});
        let mut found: Vec<_> = schema
            .check(&input)
            .unwrap_err()
            .into_iter()
            .map(|mistake| (mistake.path.join(" "), mistake.message))
            .collect();
        found.sort();
        let expected = [
            ("a/b", "is not a field of this input"),
            ("list 1", "it is not of type \"boolean\""),
            ("n", "it is not of type \"integer\""),
            ("text", "is missing"),
        ];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(schema.check(&json!({"text": "x"})), Ok(()));
    }

    #[test]
    fn a_bad_schema_is_refused_with_its_reason() {
        let long = json!({"type": "object", "title": "x".repeat(SCHEMA_BYTES_MAX)}).to_string();
        for (text, reason) in [
            ("{", "not JSON"),
            ("true", "must be \"object\""),
            (r#"{"type": "string"}"#, "must be \"object\""),
            (r#"{"type": "object", "properties": 7}"#, "not of type"),
            (r#"{"type": "thing"}"#, "not valid"),
            (
                r#"{"type": "object", "patternProperties": {"(": {}}}"#,
                "regular expression",
            ),
            (
                r#"{"type": "object", "$ref": "https://a.example"}"#,
                "leads nowhere",
            ),
            (&long, "schema_bytes_max"),
        ] {
            let error = Schema::of_input(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn patterns_are_few_and_share_their_memory() {
        let pattern = |place| json!({"pattern": format!("{place}\\p{{L}}{{10}}")});
        let of = |count: usize| {
            let properties = (0..count).map(|place| (place.to_string(), pattern(place)));
            let properties: serde_json::Map<_, _> = properties.collect();
            json!({"type": "object", "properties": properties}).to_string()
        };
        Schema::of_input(&of(3)).unwrap();
        let error = |count| Schema::of_input(&of(count)).err().unwrap().to_string();
        assert!(error(64).contains("too large"), "{}", error(64));
        assert!(error(65).contains("schema_patterns_max"), "{}", error(65));
    }

    #[test]
    fn a_hundred_mistakes_are_named_at_most() {
        let schema = schema(&json!({"type": "object", "additionalProperties": {"type": "null"}}));
        let input: serde_json::Map<_, _> = (0..1000)
            .map(|place| (place.to_string(), json!(1)))
            .collect();
        assert_eq!(schema.check(&input.into()).unwrap_err().len(), MISTAKES_MAX);
    }
}
