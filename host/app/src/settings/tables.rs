//! Reads the value of each row from a section, according to the kind of the row.

use std::time::Duration;

use hayrick_types::settings::reader::Reader;
use hayrick_types::settings::row::{Kind, Row};
use toml::Value;

use crate::settings::section::Section;
use crate::settings::units::{show_duration, show_size};
use crate::settings::value;

/// A number as a user would write it.
fn shown_number(number: u64, row: &Row) -> Value {
    match row.kind {
        Kind::Bytes(_) => Value::String(show_size(number)),
        _ => value::of_number(number),
    }
}

impl Reader for Section {
    fn number(&mut self, row: &'static Row, default: u64) -> u64 {
        let shown = |found: &u64| Some(shown_number(*found, row));
        self.setting_or(row.key, default, shown, |value| {
            value::number(&value, &row.kind)
        })
    }

    fn optional_number(&mut self, row: &'static Row, default: Option<u64>) -> Option<u64> {
        let shown = |found: &Option<u64>| found.map(|found| shown_number(found, row));
        self.setting_or(row.key, default, shown, |value| {
            value::number(&value, &row.kind).map(Some)
        })
    }

    fn duration(&mut self, row: &'static Row, default: Duration) -> Duration {
        let shown = |found: &Duration| Some(Value::String(show_duration(*found)));
        self.setting_or(row.key, default, shown, |value| {
            value::duration(&value, &row.kind)
        })
    }

    fn flag(&mut self, row: &'static Row, default: bool) -> bool {
        let shown = |flag: &bool| Some(Value::Boolean(*flag));
        self.setting_or(row.key, default, shown, |value| value::flag(&value))
    }

    fn keyword(&mut self, row: &'static Row, default: &'static str) -> &'static str {
        let keywords = match row.kind {
            Kind::Choice(keywords) => keywords,
            _ => &[],
        };
        let shown = |keyword: &&'static str| Some(Value::String((*keyword).to_owned()));
        self.setting_or(row.key, default, shown, |value| {
            value::keyword(value, keywords)
        })
    }

    fn list(&mut self, row: &'static Row, default: &[String]) -> Vec<String> {
        let shown = |items: &Vec<String>| Some(value::of_list(items));
        self.setting_or(row.key, default.to_vec(), shown, value::list)
    }

    fn optional_list(
        &mut self,
        row: &'static Row,
        default: Option<&[String]>,
    ) -> Option<Vec<String>> {
        let shown = |items: &Option<Vec<String>>| items.as_deref().map(value::of_list);
        let default = default.map(<[String]>::to_vec);
        self.setting_or(row.key, default, shown, |value| {
            value::list(value).map(Some)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::found::Source;
    use crate::settings::mistake::Mistake;
    use crate::settings::section::Reading;

    fn read<T>(file: &str, read: impl FnOnce(&mut Section) -> T) -> (T, Reading) {
        Section::read(file.parse().unwrap(), Source::File, read)
    }

    fn mistakes_of<T>(file: &str, to_read: impl FnOnce(&mut Section) -> T) -> Vec<String> {
        let (_, reading) = read(file, to_read);
        reading.mistakes.iter().map(Mistake::to_string).collect()
    }

    const SECOND: Duration = Duration::from_secs(1);

    /// A row with a static lifetime, like those of tables.
    fn row(key: &'static str, kind: Kind) -> &'static Row {
        let preset = hayrick_types::settings::row::Preset::Required;
        Box::leak(Box::new(Row::new(key, kind, preset, "")))
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let file = "size = '4 KiB'\nbytes = 7\nspan = '2m'\ncount = 3\nwords = ['a', 'b']\nmode = \
         'off'\n[inner]\nname = 'x'";
        let (values, reading) = read(file, |top| {
            let minute = 60 * SECOND;
            assert_eq!(
                [
                    top.number(row("size", Kind::Bytes(1..=8192)), 0),
                    top.number(row("bytes", Kind::Bytes(1..=9)), 0),
                    top.number(row("count", Kind::Count(1..=9)), 0),
                    top.number(row("none", Kind::Count(1..=9)), 5),
                ],
                [4096, 7, 3, 5]
            );
            let span = row("span", Kind::Duration(minute..=minute * 5));
            assert_eq!(Reader::duration(top, span, minute), minute * 2);
            let mode = row("mode", Kind::Choice(&["on", "off"]));
            assert_eq!(top.keyword(mode, "on"), "off");
            (
                top.list(row("words", Kind::List), &[]),
                top.section("inner", |inner| inner.text("name")),
                top.optional_section("absent", |_| ()),
            )
        });
        assert_eq!(reading.mistakes, []);
        assert_eq!(
            values,
            (
                vec!["a".to_owned(), "b".to_owned()],
                Some("x".to_owned()),
                None
            )
        );
        let found: Vec<String> = reading
            .found
            .iter()
            .map(|found| format!("{} {}", found.path(), found.source))
            .collect();
        assert_eq!(found[0], "size file");
        assert_eq!(found[3], "none default");
        assert_eq!(found.last().unwrap(), "inner.name file");
    }

    #[test]
    fn invalid_values_are_reported_with_what_to_write() {
        let file = "size = true\nspan = 10\ncount = -1\nsmall = 0\nname = ''\nmode = 'maybe'\n\
         words = 'a'\ninner = 3";
        let mistakes = mistakes_of(file, |top| {
            top.number(row("size", Kind::Bytes(1..=2)), 1);
            Reader::duration(top, row("span", Kind::Duration(SECOND..=SECOND)), SECOND);
            top.number(row("count", Kind::Count(1..=2)), 1);
            top.number(row("small", Kind::Bytes(1..=2048)), 1);
            top.text("name");
            top.keyword(row("mode", Kind::Choice(&["on", "off"])), "on");
            top.list(row("words", Kind::List), &[]);
            top.section("inner", |_| ());
        });
        assert_eq!(
            mistakes,
            [
                "size: must be a size such as \"256 MiB\", not a boolean",
                "span: must be a duration such as \"10s\", not an integer",
                "count: -1 is negative",
                "small: 0 B is out of range: write 1 B to 2 KiB",
                "name: is empty: write a value, or remove the key",
                "mode: invalid value 'maybe': write \"on\" or \"off\"",
                "words: must be a list of strings, not a string",
                "inner: must be a table, not an integer",
            ]
        );
    }
}
