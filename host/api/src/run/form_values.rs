//! The fields of a form as JSON: a form has texts only, and the schema says what they stand for.

use std::collections::BTreeMap;

use hayrick_runtime::schema::check::Schema;
use hayrick_services::uploads::form::Form;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The object that a form stands for. A field of files has their names.
///
/// # Errors
/// A field that takes one value occurs twice.
pub(super) fn object(schema: &Schema, form: &Form) -> Result<Value, ApiError> {
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, text) in &form.fields {
        fields.entry(name).or_default().push(text);
    }
    let files = form.file_fields.iter().zip(&form.files);
    for (name, file) in files.filter(|(name, _)| takes_files(schema, name)) {
        fields.entry(name).or_default().push(file.name());
    }
    let mut object = Map::new();
    for (name, texts) in fields {
        object.insert(name.to_owned(), value(schema, name, &texts)?);
    }
    Ok(Value::Object(object))
}

fn takes_files(schema: &Schema, name: &str) -> bool {
    let Some(property) = schema.property(name) else {
        return false;
    };
    let is_binary = |schema: &Value| {
        let format = schema.get("format").and_then(Value::as_str);
        format == Some("binary") || schema.get("contentMediaType").is_some()
    };
    let items = property.get("items").and_then(|items| schema.follow(items));
    is_binary(property) || items.is_some_and(is_binary)
}

fn value(schema: &Schema, name: &str, texts: &[&str]) -> Result<Value, ApiError> {
    let property = schema.property(name);
    let kinds = property.map(|property| kinds(schema, property));
    let kinds = kinds.unwrap_or_default();
    match texts {
        [text] if !kinds.contains(&"array") => Ok(typed(&kinds, text)),
        [text] if serde_json::from_str::<Vec<Value>>(text).is_ok() => Ok(typed(&kinds, text)),
        _ if kinds.contains(&"array") => {
            let items = property.and_then(|property| schema.follow(property.get("items")?));
            let kinds = items.map(|items| self::kinds(schema, items));
            let kinds = kinds.unwrap_or_default();
            Ok(texts.iter().map(|text| typed(&kinds, text)).collect())
        }
        _ if property.is_none() => Ok(texts.iter().copied().collect()),
        _ => {
            let name: String = name.chars().take(64).collect();
            let text = format!(
                "the form has the field '{name}' {} times: send it once",
                texts.len()
            );
            Err(ApiError::invalid(text, None))
        }
    }
}

/// The types that a schema names, itself or in its alternatives.
fn kinds<'a>(schema: &'a Schema, property: &'a Value) -> Vec<&'a str> {
    match property.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => {
            let alternatives = ["anyOf", "oneOf"].into_iter();
            let alternatives = alternatives.filter_map(|name| property.get(name)?.as_array());
            let followed = alternatives.flatten().filter_map(|it| schema.follow(it));
            followed
                .filter_map(|it| it.get("type").and_then(Value::as_str))
                .collect()
        }
    }
}

/// What a text stands for. One that does not fit stays a text, and the schema refuses it.
fn typed(kinds: &[&str], text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    if kinds.is_empty() || kinds.contains(&"string") {
        return as_text();
    }
    if kinds.contains(&"boolean") {
        match text {
            "true" | "True" | "on" | "1" => return Value::Bool(true),
            "false" | "False" | "off" | "0" => return Value::Bool(false),
            _ => {}
        }
    }
    if text.is_empty() && kinds.contains(&"null") {
        return Value::Null;
    }
    serde_json::from_str(text).unwrap_or_else(|_| as_text())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<Value, ApiError> {
        let schema = Schema::of_input(
            &json!({
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "n": {"type": "integer"},
                    "maybe": {"anyOf": [{"$ref": "#/$defs/ratio"}, {"type": "null"}]},
                    "yes": {"type": ["boolean", "null"]},
                    "list": {"type": "array", "items": {"type": "integer"}},
                    "object": {"type": "object"},
                },
                "$defs": {"ratio": {"type": "number"}},
            })
            .to_string(),
        )
        .unwrap();
        let fields = fields.iter();
        let fields = fields.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let form = Form {
            fields: fields.collect(),
            ..Form::default()
        };
        object(&schema, &form)
    }

    #[test]
    fn texts_become_what_the_schema_says() {
        let cases = [
            (("text", "5"), json!({"text": "5"})),
            (("n", "5"), json!({"n": 5})),
            (("n", "five"), json!({"n": "five"})),
            (("maybe", "0.5"), json!({"maybe": 0.5})),
            (("maybe", ""), json!({"maybe": null})),
            (("yes", "on"), json!({"yes": true})),
            (("list", "7"), json!({"list": [7]})),
            (("list", "[7, 8]"), json!({"list": [7, 8]})),
            (("object", "{\"a\": 1}"), json!({"object": {"a": 1}})),
            (("other", "1"), json!({"other": "1"})),
        ];
        for (field, expected) in cases {
            assert_eq!(read(&[field]).unwrap(), expected, "{field:?}");
        }
    }

    #[test]
    fn only_a_list_may_come_in_several_fields() {
        let fields = [("list", "7"), ("text", "x"), ("list", "8")];
        assert_eq!(read(&fields).unwrap(), json!({"list": [7, 8], "text": "x"}));
        let unknown = [("other", "7"), ("other", "8")];
        assert_eq!(read(&unknown).unwrap(), json!({"other": ["7", "8"]}));
        let error = read(&[("n", "1"), ("n", "2")]).unwrap_err();
        assert!(error.message().contains("'n' 2 times"), "{error:?}");
    }
}
