//! Parses a value of a settings file into its type, and formats it as a user would write it.

use std::ops::RangeInclusive;
use std::time::Duration;

use hayrick_types::settings::row::Kind;
use toml::{Table, Value};

use crate::settings::units::{parse_duration, parse_size, show_duration, show_size};

/// Text that is not empty.
pub fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) if text.trim().is_empty() => {
            Err("is empty: write a value, or remove the key".to_owned())
        }
        Value::String(text) => Ok(text),
        other => Err(expected("a string", &other)),
    }
}

/// A list of texts.
pub fn list(value: Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(items) => items.into_iter().map(text).collect(),
        other => Err(expected("a list of strings", &other)),
    }
}

/// A table.
pub fn table(value: Value) -> Result<Table, String> {
    match value {
        Value::Table(table) => Ok(table),
        other => Err(expected("a table", &other)),
    }
}

/// A list of tables.
pub fn tables(value: Value) -> Result<Vec<Table>, String> {
    match value {
        Value::Array(items) => items.into_iter().map(table).collect(),
        other => Err(expected("a list of tables", &other)),
    }
}

/// `true` or `false`.
pub fn flag(value: &Value) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| expected("true or false", value))
}

/// A whole number within the range.
fn count(value: &Value, range: &RangeInclusive<u64>) -> Result<u64, String> {
    within(whole(value)?, range, u64::to_string)
}

/// Bytes within the range.
fn size(value: &Value, range: &RangeInclusive<u64>) -> Result<u64, String> {
    let bytes = match value {
        Value::Integer(_) => whole(value)?,
        Value::String(text) => parse_size(text)?,
        other => return Err(expected("a size such as \"256 MiB\"", other)),
    };
    within(bytes, range, |bytes| show_size(*bytes))
}

/// A count or a size, within its range.
pub fn number(value: &Value, kind: &Kind) -> Result<u64, String> {
    match kind {
        Kind::Bytes(range) => size(value, range),
        Kind::Count(range) => count(value, range),
        _ => Err(expected("a number", value)),
    }
}

/// A duration within the range.
pub fn duration(value: &Value, kind: &Kind) -> Result<Duration, String> {
    match (value, kind) {
        (Value::String(text), Kind::Duration(range)) => {
            within(parse_duration(text)?, range, |span| show_duration(*span))
        }
        (other, _) => Err(expected("a duration such as \"10s\"", other)),
    }
}

/// One of these keywords.
pub fn keyword(value: Value, keywords: &[&'static str]) -> Result<&'static str, String> {
    let text = text(value)?;
    let found = keywords.iter().find(|keyword| **keyword == text);
    found.copied().ok_or_else(|| {
        let known: Vec<String> = keywords
            .iter()
            .map(|keyword| format!("\"{keyword}\""))
            .collect();
        format!("invalid value '{text}': write {}", known.join(" or "))
    })
}

/// A list of texts as a value.
pub fn of_list(items: &[String]) -> Value {
    Value::Array(items.iter().cloned().map(Value::String).collect())
}

/// A number as a value.
pub fn of_number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn whole(value: &Value) -> Result<u64, String> {
    match value {
        Value::Integer(count) => u64::try_from(*count).map_err(|_| format!("{count} is negative")),
        other => Err(expected("a whole number", other)),
    }
}

/// A message that names the expected and the actual type.
pub fn expected(what: &str, found: &Value) -> String {
    let article = if found.is_integer() || found.is_array() {
        "an"
    } else {
        "a"
    };
    format!("must be {what}, not {article} {}", found.type_str())
}

fn within<T: PartialOrd>(
    value: T,
    range: &RangeInclusive<T>,
    show: impl Fn(&T) -> String,
) -> Result<T, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!(
        "{} is out of range: write {} to {}",
        show(&value),
        show(range.start()),
        show(range.end())
    ))
}
