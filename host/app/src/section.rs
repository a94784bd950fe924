//! Reads one table of the settings file key by key and collects every mistake, where deserialising
//! would stop at the first.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::{Table, Value};

use crate::mistake::{Mistake, did_you_mean};
use crate::units::{parse_duration, parse_size, show_duration, show_size};

/// A table being read. Each key is taken once; what is left at the end is unknown, and so a
/// mistake.
pub struct Section {
    path: String,
    table: Table,
    known: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl Section {
    /// Reads a whole file's table; the mistakes are in the order of reading.
    pub fn read<T>(table: Table, read: impl FnOnce(&mut Section) -> T) -> (T, Vec<Mistake>) {
        Section::read_at(String::new(), table, read)
    }

    fn read_at<T>(
        path: String,
        table: Table,
        read: impl FnOnce(&mut Section) -> T,
    ) -> (T, Vec<Mistake>) {
        let mut section = Section {
            path,
            table,
            known: Vec::new(),
            mistakes: Vec::new(),
        };
        let result = read(&mut section);
        section.refuse_unknown();
        (result, section.mistakes)
    }

    fn refuse_unknown(&mut self) {
        let unknown: Vec<String> = self.table.keys().cloned().collect();
        for key in unknown {
            let near = did_you_mean(&key, self.known.iter().copied());
            self.mistake(&key, format!("there is no such key{near}"));
        }
    }

    /// Notes a mistake at `key`.
    pub fn mistake(&mut self, key: &str, text: impl Into<String>) {
        self.mistake_of(self.path_of(key), text);
    }

    /// Notes a mistake of the table as a whole.
    pub fn mistake_here(&mut self, text: impl Into<String>) {
        self.mistake_of(self.path.clone(), text);
    }

    /// Notes a mistake of anything else: a flag, a variable, a key read before.
    pub fn mistake_of(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.mistakes.push(Mistake {
            path: path.into(),
            text: text.into(),
        });
    }

    /// The full path of `key`.
    pub fn path_of(&self, key: &str) -> String {
        join_path(&self.path, key)
    }

    /// The value at `key` as `parse` makes it; a mistake and an absent key are both `None`.
    pub fn value<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        parse(value).map_err(|text| self.mistake(key, text)).ok()
    }

    /// Text that is not empty.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.value(key, text)
    }

    /// Text as `parse` makes it.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.value(key, |value| parse(&text(value)?))
    }

    /// The same for a key that must be there; `cure` says what to write.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        cure: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            self.mistake(key, format!("is missing: {cure}"));
        }
        self.parsed(key, parse)
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.value(key, |value| match value {
            Value::Array(items) => items.into_iter().map(text).collect(),
            other => Err(expected("a list of texts", &other)),
        })
    }

    /// A list of texts as `parse` makes it.
    pub fn parsed_texts<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(Vec<String>) -> Result<T, String>,
    ) -> Option<T> {
        let texts = self.texts(key)?;
        parse(texts).map_err(|text| self.mistake(key, text)).ok()
    }

    /// One of a few words, with what each stands for.
    pub fn word<T: Copy>(&mut self, key: &'static str, default: T, words: &[(&str, T)]) -> T {
        let parsed = self.value(key, |value| {
            let word = text(value)?;
            let meant = words
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, meant)| *meant);
            let names = || {
                words
                    .iter()
                    .map(|(name, _)| format!("\"{name}\""))
                    .collect::<Vec<_>>()
                    .join(" or ")
            };
            meant.ok_or_else(|| format!("'{word}' is not {}", names()))
        });
        parsed.unwrap_or(default)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.value(key, |value| {
            value
                .as_bool()
                .ok_or_else(|| expected("true or false", &value))
        })
        .unwrap_or(default)
    }

    /// A whole number.
    pub fn count<N: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        default: N,
        range: RangeInclusive<u64>,
    ) -> N {
        self.value(key, |value| {
            narrow(within(count(&value)?, &range, u64::to_string)?)
        })
        .unwrap_or(default)
    }

    /// The same where an absent key is no number.
    pub fn optional_count(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.value(key, |value| within(count(&value)?, &range, u64::to_string))
    }

    /// Bytes: an integer, or text such as `"256 MiB"`.
    pub fn size<N: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        default: N,
        range: RangeInclusive<u64>,
    ) -> N {
        self.value(key, |value| {
            narrow(within(size(&value)?, &range, |bytes| show_size(*bytes))?)
        })
        .unwrap_or(default)
    }

    /// A duration such as `"10s"`.
    pub fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        self.value(key, |value| {
            within(duration(&value)?, &range, |span| show_duration(*span))
        })
        .unwrap_or(default)
    }

    /// A table inside this one; an absent one is read as empty, so that its defaults have one
    /// source.
    pub fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section) -> T) -> T {
        let table = self.value(key, table).unwrap_or_default();
        self.descend(key, table, read)
    }

    /// The same, `None` when the file has no such table.
    pub fn optional_section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section) -> T,
    ) -> Option<T> {
        let table = self.value(key, table)?;
        Some(self.descend(key, table, read))
    }

    /// A table of tables whose keys the user chose; `read` has each key and its table.
    pub fn each_section<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Section) -> T,
    ) -> Vec<T> {
        self.section(key, |outer| {
            let entries = std::mem::take(&mut outer.table);
            entries
                .into_iter()
                .filter_map(|(name, value)| outer.entry(&name, value, &mut read))
                .collect()
        })
    }

    /// A list of tables, as `[[key]]` writes them; the first one's path ends with `[1]`.
    pub fn each_item<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section) -> T,
    ) -> Vec<T> {
        let items = self.value(key, |value| match value {
            Value::Array(items) => items
                .into_iter()
                .map(table)
                .collect::<Result<Vec<Table>, String>>(),
            other => Err(expected("a list of tables", &other)),
        });
        let mut values = Vec::new();
        for (index, table) in items.unwrap_or_default().into_iter().enumerate() {
            let path = format!("{}[{}]", self.path_of(key), index + 1);
            let (value, mistakes) = Section::read_at(path, table, &mut read);
            self.mistakes.extend(mistakes);
            values.push(value);
        }
        values
    }

    /// A table of texts whose keys the user chose; each of `bytes_max` at most.
    pub fn each_text(&mut self, key: &'static str, bytes_max: usize) -> BTreeMap<String, String> {
        self.section(key, |outer| {
            let entries = std::mem::take(&mut outer.table);
            entries
                .into_iter()
                .filter_map(|(name, value)| {
                    Some((name.clone(), outer.chosen_text(&name, value, bytes_max)?))
                })
                .collect()
        })
    }

    fn chosen_text(&mut self, name: &str, value: Value, bytes_max: usize) -> Option<String> {
        let text = match value {
            Value::String(text) if text.len() <= bytes_max => Ok(text),
            Value::String(text) => {
                Err(format!("has {} bytes; {bytes_max} is the most", text.len()))
            }
            other => Err(expected("text", &other)),
        };
        text.map_err(|text| self.mistake(name, text)).ok()
    }

    fn entry<T>(
        &mut self,
        name: &str,
        value: Value,
        read: &mut impl FnMut(&str, &mut Section) -> T,
    ) -> Option<T> {
        let table = table(value).map_err(|text| self.mistake(name, text)).ok()?;
        Some(self.descend(name, table, |section| read(name, section)))
    }

    fn descend<T>(&mut self, key: &str, table: Table, read: impl FnOnce(&mut Section) -> T) -> T {
        let (result, mistakes) = Section::read_at(self.path_of(key), table, read);
        self.mistakes.extend(mistakes);
        result
    }
}

/// A key's path below another, quoted as TOML would have it.
pub fn join_path(parent: &str, key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'));
    let key = if is_bare {
        key.to_owned()
    } else {
        format!("\"{}\"", key.escape_default())
    };
    if parent.is_empty() {
        key
    } else {
        format!("{parent}.{key}")
    }
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) if text.trim().is_empty() => {
            Err("is empty: write a value, or leave the key out".to_owned())
        }
        Value::String(text) => Ok(text),
        other => Err(expected("text", &other)),
    }
}

fn table(value: Value) -> Result<Table, String> {
    match value {
        Value::Table(table) => Ok(table),
        other => Err(expected("a table", &other)),
    }
}

fn count(value: &Value) -> Result<u64, String> {
    match value {
        Value::Integer(count) => u64::try_from(*count).map_err(|_| format!("{count} is negative")),
        other => Err(expected("a whole number", other)),
    }
}

fn size(value: &Value) -> Result<u64, String> {
    match value {
        Value::Integer(_) => count(value),
        Value::String(text) => parse_size(text),
        other => Err(expected("a size such as \"256 MiB\"", other)),
    }
}

fn duration(value: &Value) -> Result<Duration, String> {
    match value {
        Value::String(text) => parse_duration(text),
        other => Err(expected("a duration such as \"10s\"", other)),
    }
}

fn expected(what: &str, found: &Value) -> String {
    format!(
        "must be {what}, not {} {}",
        if found.is_integer() || found.is_array() {
            "an"
        } else {
            "a"
        },
        found.type_str()
    )
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
        "{} is out of range: from {} to {}",
        show(&value),
        show(range.start()),
        show(range.end())
    ))
}

fn narrow<N: TryFrom<u64>>(value: u64) -> Result<N, String> {
    N::try_from(value).map_err(|_| format!("{value} is too large for this machine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes_of<T>(file: &str, read: impl FnOnce(&mut Section) -> T) -> Vec<String> {
        let (_, mistakes) = Section::read(file.parse().unwrap(), read);
        mistakes.iter().map(Mistake::to_string).collect()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let file = "size = '4 KiB'\nbytes = 7\nspan = '2m'\ncount = 3\nwords = ['a', 'b']\nmode = 'off'\n[inner]\nname = 'x'";
        let (values, mistakes) = Section::read(file.parse().unwrap(), |top| {
            let minute = Duration::from_secs(60);
            assert_eq!(
                (
                    top.size::<usize>("size", 0, 1..=8192),
                    top.size::<u64>("bytes", 0, 1..=9)
                ),
                (4096, 7)
            );
            assert_eq!(
                top.duration("span", minute, minute..=minute * 5),
                minute * 2
            );
            assert_eq!(top.count::<u32>("count", 0, 1..=9), 3);
            assert!(!top.word("mode", true, &[("on", true), ("off", false)]));
            (
                top.texts("words"),
                top.section("inner", |inner| inner.text("name")),
                top.optional_section("absent", |_| ()),
            )
        });
        assert_eq!(mistakes, []);
        assert_eq!(
            values,
            (
                Some(vec!["a".to_owned(), "b".to_owned()]),
                Some("x".to_owned()),
                None
            )
        );
    }

    #[test]
    fn each_wrong_value_says_what_would_be_right() {
        let file = "size = true\nspan = 10\ncount = -1\nsmall = 0\nname = ''\nmode = 'maybe'\nwords = 'a'\ninner = 3";
        let second = Duration::from_secs(1);
        let mistakes = mistakes_of(file, |top| {
            top.size::<u64>("size", 1, 1..=2);
            top.duration("span", second, second..=second);
            top.count::<u64>("count", 1, 1..=2);
            top.size::<u64>("small", 1, 1..=2048);
            top.text("name");
            top.word("mode", 1, &[("on", 1), ("off", 2)]);
            top.texts("words");
            top.section("inner", |_| ());
        });
        assert_eq!(
            mistakes,
            [
                "size: must be a size such as \"256 MiB\", not a boolean",
                "span: must be a duration such as \"10s\", not an integer",
                "count: -1 is negative",
                "small: 0 B is out of range: from 1 B to 2 KiB",
                "name: is empty: write a value, or leave the key out",
                "mode: 'maybe' is not \"on\" or \"off\"",
                "words: must be a list of texts, not a string",
                "inner: must be a table, not an integer",
            ]
        );
    }

    #[test]
    fn unknown_keys_are_mistakes_wherever_they_are() {
        let mistakes = mistakes_of(
            "sizes = 1\n[inner.'a.b']\nname = 'x'\nnmae = 'y'\n[inner]\nc = 1",
            |top| {
                top.size::<u64>("size", 1, 1..=2);
                top.each_section("inner", |_, inner| inner.text("name"))
            },
        );
        assert_eq!(
            mistakes,
            [
                "inner.\"a.b\".nmae: there is no such key; did you mean 'name'?",
                "inner.c: must be a table, not an integer",
                "sizes: there is no such key; did you mean 'size'?",
            ]
        );
    }
}
