//! Reads a table of the settings file key by key and collects all mistakes; deserialising would
//! stop at the first.

use std::collections::BTreeMap;

use hayrick_types::settings::row::Row;
use toml::{Table, Value};

use crate::settings::found::{EffectiveSetting, Source, join_path};
use crate::settings::mistake::{Mistake, did_you_mean};
use crate::settings::value;

/// A table being read. Each key is taken once; keys left at the end are unknown and reported as
/// mistakes.
pub struct Section {
    path: String,
    /// The path with placeholders for names that the operator chooses.
    pattern: String,
    table: Table,
    /// The source of the values in the table.
    file: Source,
    known: Vec<&'static str>,
    reading: Reading,
}

/// The result of reading a file.
#[derive(Debug, Default)]
pub struct Reading {
    /// In the order of reading.
    pub mistakes: Vec<Mistake>,
    /// Every setting that was read, in the order of reading.
    pub found: Vec<EffectiveSetting>,
}

impl Section {
    /// Reads the table of a whole file; `file` is the kind of file.
    pub fn read<T>(
        table: Table,
        file: Source,
        read: impl FnOnce(&mut Section) -> T,
    ) -> (T, Reading) {
        let mut section = Section {
            path: String::new(),
            pattern: String::new(),
            table,
            file,
            known: Vec::new(),
            reading: Reading::default(),
        };
        let result = read(&mut section);
        section.refuse_unknown();
        (result, section.reading)
    }

    /// Reads `table` as the section at that path.
    fn descend<T>(
        &mut self,
        path: String,
        pattern: String,
        table: Table,
        read: impl FnOnce(&mut Section) -> T,
    ) -> T {
        let mut section = Section {
            path,
            pattern,
            table,
            file: self.file.clone(),
            known: Vec::new(),
            reading: std::mem::take(&mut self.reading),
        };
        let result = read(&mut section);
        section.refuse_unknown();
        self.reading = section.reading;
        result
    }

    fn refuse_unknown(&mut self) {
        let unknown: Vec<String> = self.table.keys().cloned().collect();
        for key in unknown {
            let near = did_you_mean(&key, self.known.iter().copied());
            self.mistake(&key, format!("unknown key{near}"));
        }
    }

    /// Records a mistake at `key`.
    pub fn mistake(&mut self, key: &str, text: impl Into<String>) {
        self.mistake_of(self.path_of(key), text);
    }

    /// Records a mistake in the table as a whole.
    pub fn mistake_here(&mut self, text: impl Into<String>) {
        self.mistake_of(self.path.clone(), text);
    }

    /// Records a mistake at another path: of a flag, a variable or a key that was read before.
    pub fn mistake_of(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.reading.mistakes.push(Mistake {
            path: path.into(),
            text: text.into(),
        });
    }

    /// The full path of `key`.
    pub fn path_of(&self, key: &str) -> String {
        join_path(&self.path, key)
    }

    /// Whether the file has the key and it has not been taken yet.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The kind of file being read.
    pub fn file(&self) -> Source {
        self.file.clone()
    }

    /// Records a setting in force.
    pub fn record(&mut self, key: &str, value: Option<Value>, source: Source) {
        self.reading.found.push(EffectiveSetting {
            section: self.path.clone(),
            pattern: self.pattern.clone(),
            key: key.to_owned(),
            value,
            source,
        });
    }

    /// Takes the value at `key` and parses it; `None` if the key is absent or the value invalid.
    fn take<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        parse(value).map_err(|text| self.mistake(key, text)).ok()
    }

    /// Like `take`, and records the value as it is in the file.
    fn setting<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<T> {
        let shown = self.table.get(key).cloned();
        let parsed = self.take(key, parse);
        let source = if shown.is_some() {
            self.file.clone()
        } else {
            Source::Default
        };
        self.record(key, shown, source);
        parsed
    }

    /// Like `setting`, with a default. `shown` converts the value for display.
    pub fn setting_or<T>(
        &mut self,
        key: &'static str,
        default: T,
        shown: impl FnOnce(&T) -> Option<Value>,
        parse: impl FnOnce(Value) -> Result<T, String>,
    ) -> T {
        let parsed = self.take(key, parse);
        let source = if parsed.is_some() {
            self.file.clone()
        } else {
            Source::Default
        };
        let value = parsed.unwrap_or(default);
        let shown = shown(&value);
        self.record(key, shown, source);
        value
    }

    /// Text that is not empty.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.setting(key, value::text)
    }

    /// Text, converted by `parse`.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.setting(key, |value| parse(&value::text(value)?))
    }

    /// Like `parsed`, for a required key; `cure` tells the user what to write.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        cure: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.mistake(key, format!("is missing: {cure}"));
        }
        self.parsed(key, parse)
    }

    /// Text that the caller records, because it is secret or because a flag may override it.
    pub fn unrecorded<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.take(key, |value| parse(&value::text(value)?))
    }

    /// A number that the caller records.
    pub fn unrecorded_number(&mut self, row: &'static Row) -> Option<u64> {
        self.take(row.key, |value| value::number(&value, &row.kind))
    }

    /// A list of texts that the caller records.
    pub fn unrecorded_list<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(Vec<String>) -> Result<T, String>,
    ) -> Option<T> {
        self.take(key, |value| parse(value::list(value)?))
    }

    /// A list of texts, converted by `parse`.
    pub fn parsed_list<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(Vec<String>) -> Result<T, String>,
    ) -> Option<T> {
        self.setting(key, |value| parse(value::list(value)?))
    }

    /// A flag that is `false` by default.
    pub fn flag_of(&mut self, key: &'static str) -> bool {
        let shown = |flag: &bool| Some(Value::Boolean(*flag));
        self.setting_or(key, false, shown, |value| value::flag(&value))
    }

    /// A table inside this one. An absent one is read as an empty table, so that defaults are
    /// defined in one place.
    pub fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section) -> T) -> T {
        let table = self.take(key, value::table).unwrap_or_default();
        let (path, pattern) = (self.path_of(key), join_path(&self.pattern, key));
        self.descend(path, pattern, table, read)
    }

    /// Like `section`, but `None` if the file does not have the table.
    pub fn optional_section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section) -> T,
    ) -> Option<T> {
        let table = self.take(key, value::table)?;
        let (path, pattern) = (self.path_of(key), join_path(&self.pattern, key));
        Some(self.descend(path, pattern, table, read))
    }

    /// A table of tables whose keys the user chooses; `read` gets each key and its table. Rows call
    /// the key `placeholder`.
    pub fn each_section<T>(
        &mut self,
        key: &'static str,
        placeholder: &'static str,
        mut read: impl FnMut(&str, &mut Section) -> T,
    ) -> Vec<T> {
        let tables = self.take(key, value::table).unwrap_or_default();
        let mut values = Vec::new();
        for (name, value) in tables {
            let path = join_path(&self.path_of(key), &name);
            match value::table(value) {
                Err(text) => self.mistake_of(path, text),
                Ok(table) => {
                    let pattern = join_path(&join_path(&self.pattern, key), placeholder);
                    values.push(self.descend(path, pattern, table, |section| read(&name, section)));
                }
            }
        }
        values
    }

    /// A section like those of `each_section` that is not in the file; its settings come from
    /// elsewhere.
    pub fn absent_section<T>(
        &mut self,
        key: &'static str,
        (name, placeholder): (&str, &'static str),
        read: impl FnOnce(&mut Section) -> T,
    ) -> T {
        let path = join_path(&self.path_of(key), name);
        let pattern = join_path(&join_path(&self.pattern, key), placeholder);
        self.descend(path, pattern, Table::new(), read)
    }

    /// A list of tables, written as `[[key]]`; the path of the first one ends with `[1]`.
    pub fn each_item<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section) -> T,
    ) -> Vec<T> {
        let items = self.take(key, value::tables).unwrap_or_default();
        let mut values = Vec::new();
        for (index, table) in items.into_iter().enumerate() {
            let path = format!("{}[{}]", self.path_of(key), index + 1);
            let pattern = join_path(&self.pattern, key);
            values.push(self.descend(path, pattern, table, &mut read));
        }
        values
    }

    /// A table of texts whose keys the user chooses; each text has at most `bytes_max` bytes. Rows
    /// call the key `KEY`.
    pub fn each_text(&mut self, key: &'static str, bytes_max: usize) -> BTreeMap<String, String> {
        self.section(key, |outer| {
            let values = std::mem::take(&mut outer.table);
            let texts = values.into_iter().filter_map(|(name, value)| {
                outer.record(&name, Some(value.clone()), outer.file.clone());
                Some((name.clone(), outer.chosen_text(&name, value, bytes_max)?))
            });
            texts.collect()
        })
    }

    fn chosen_text(&mut self, name: &str, value: Value, bytes_max: usize) -> Option<String> {
        let text = match value {
            Value::String(text) if text.len() <= bytes_max => Ok(text),
            Value::String(text) => Err(format!(
                "has {} bytes: shorten it to at most {bytes_max}",
                text.len()
            )),
            other => Err(value::expected("a string", &other)),
        };
        text.map_err(|text| self.mistake(name, text)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_mistakes_at_any_level() {
        let (_, reading) = Section::read(
            "sizes = 1\n[inner.'a.b']\nname = 'x'\nnmae = 'y'\n[inner]\nc = 1"
                .parse()
                .unwrap(),
            Source::File,
            |top| {
                top.text("size");
                top.each_section("inner", "NAME", |_, inner| inner.text("name"))
            },
        );
        let mistakes: Vec<String> = reading.mistakes.iter().map(Mistake::to_string).collect();
        assert_eq!(
            mistakes,
            [
                "inner.\"a.b\".nmae: unknown key; did you mean 'name'?",
                "inner.c: must be a table, not an integer",
                "sizes: unknown key; did you mean 'size'?",
            ]
        );
    }
}
