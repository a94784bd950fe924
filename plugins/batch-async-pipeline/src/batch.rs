//! The batch in the body of a chat request.

use serde::Deserialize;
use serde_json::Value;

/// Maximum number of items in a batch: a client waits for all of them on one connection.
pub const ITEMS_MAX: usize = 10_000;
const DEFAULT_INSTRUCTION: &str = "Process this item";

/// The items, and what to do with each.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    pub items: Vec<String>,
    pub instruction: String,
    /// Whether each item waits for the previous one.
    pub sequential: bool,
}

/// The request fields that describe a batch.
#[derive(Deserialize)]
struct Fields {
    batch_items: Option<Value>,
    instruction: Option<Value>,
    sequential: Option<Value>,
}

impl Batch {
    /// Parses the batch from a request's body, if there is one.
    ///
    /// # Errors
    /// A message for the client if a field of the batch is invalid.
    pub fn parse(body: &str) -> Result<Option<Batch>, String> {
        let fields: Fields = serde_json::from_str(body)
            .map_err(|error| format!("the request is not a JSON object: {error}"))?;
        let Some(items) = fields.batch_items else {
            return Ok(None);
        };
        let Value::Array(items) = items else {
            return Err("batch_items is not an array: send an array of strings".to_owned());
        };
        if items.len() > ITEMS_MAX {
            let count = items.len();
            return Err(format!(
                "batch_items has {count} items, more than the maximum of {ITEMS_MAX}: \
                 send smaller batches, or submit jobs"
            ));
        }
        let instruction = match fields.instruction {
            None => DEFAULT_INSTRUCTION.to_owned(),
            Some(Value::String(instruction)) => instruction,
            Some(_) => {
                return Err(
                    "instruction is not a string: describe what to do with each item".to_owned(),
                );
            }
        };
        let sequential = match fields.sequential {
            None => false,
            Some(Value::Bool(sequential)) => sequential,
            Some(_) => return Err("sequential is not a boolean: send true or false".to_owned()),
        };
        let items = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| text(index, item))
            .collect::<Result<_, _>>()?;
        Ok(Some(Batch {
            items,
            instruction,
            sequential,
        }))
    }
}

fn text(index: usize, item: Value) -> Result<String, String> {
    match item {
        Value::String(text) => Ok(text),
        _ => Err(format!(
            "batch_items[{index}] is not a string: send an array of strings"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_parsed_with_its_items_and_instruction() {
        let body = r#"{"model": "m", "batch_items": ["a", "ü"], "instruction": "Count", "sequential": true}"#;
        let batch = Batch {
            items: vec!["a".to_owned(), "ü".to_owned()],
            instruction: "Count".to_owned(),
            sequential: true,
        };
        assert_eq!(Batch::parse(body), Ok(Some(batch)));
    }

    #[test]
    fn missing_fields_have_defaults() {
        let batch = Batch::parse(r#"{"batch_items": []}"#).unwrap().unwrap();
        assert_eq!(
            (
                batch.items.len(),
                batch.instruction.as_str(),
                batch.sequential
            ),
            (0, "Process this item", false)
        );
        for body in ["{}", r#"{"batch_items": null}"#] {
            assert_eq!(Batch::parse(body), Ok(None));
        }
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        for (body, named) in [
            (r#"{"batch_items": "a"}"#, "batch_items is not an array"),
            (
                r#"{"batch_items": ["a", 2]}"#,
                "batch_items[1] is not a string",
            ),
            (r#"{"batch_items": [], "instruction": 1}"#, "instruction"),
            (r#"{"batch_items": [], "sequential": "yes"}"#, "sequential"),
            ("[]", "not a JSON object"),
        ] {
            let error = Batch::parse(body).unwrap_err();
            assert!(error.contains(named), "{body}: {error}");
        }
    }

    #[test]
    fn too_many_items_are_refused_with_advice() {
        let body =
            |count: usize| serde_json::json!({ "batch_items": vec!["x"; count] }).to_string();
        assert!(Batch::parse(&body(ITEMS_MAX)).is_ok());
        let error = Batch::parse(&body(ITEMS_MAX + 1)).unwrap_err();
        assert!(
            error.contains("10001 items") && error.contains("smaller batches"),
            "{error}"
        );
    }
}
