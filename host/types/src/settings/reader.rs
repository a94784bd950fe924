//! How a table gets its values: a reader that finds them, and a conversion for each type.

use std::time::Duration;

use crate::settings::row::{Preset, Row};

/// Finds the value of a row, for example in a file. The reader reports invalid values and then
/// returns the default.
pub trait Reader {
    /// A count, or bytes.
    fn number(&mut self, row: &'static Row, default: u64) -> u64;

    /// An optional number.
    fn optional_number(&mut self, row: &'static Row, default: Option<u64>) -> Option<u64>;

    /// A duration.
    fn duration(&mut self, row: &'static Row, default: Duration) -> Duration;

    /// `true` or `false`.
    fn flag(&mut self, row: &'static Row, default: bool) -> bool;

    /// One of the row's keywords.
    fn keyword(&mut self, row: &'static Row, default: &'static str) -> &'static str;

    /// A list of texts.
    fn list(&mut self, row: &'static Row, default: &[String]) -> Vec<String>;

    /// An optional list of texts.
    fn optional_list(
        &mut self,
        row: &'static Row,
        default: Option<&[String]>,
    ) -> Option<Vec<String>>;
}

/// A type that a setting can have.
pub trait Setting: Sized {
    /// The default value of a row.
    fn preset(row: &Row) -> Self;

    /// The value that the reader finds, or else `default`.
    fn read(reader: &mut impl Reader, row: &'static Row, default: &Self) -> Self;
}

/// The number types differ only in width; the ranges of rows keep values within it.
macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Setting for $number {
            fn preset(row: &Row) -> $number {
                match row.preset {
                    Preset::Number(number) => <$number>::try_from(number).unwrap_or(<$number>::MAX),
                    _ => 0,
                }
            }

            fn read(reader: &mut impl Reader, row: &'static Row, default: &$number) -> $number {
                let number = reader.number(row, u64::try_from(*default).unwrap_or(u64::MAX));
                <$number>::try_from(number).unwrap_or(<$number>::MAX)
            }
        }
    )+};
}

numbers!(u32, u64, usize);

impl Setting for Option<u64> {
    fn preset(row: &Row) -> Option<u64> {
        match row.preset {
            Preset::Number(number) => Some(number),
            _ => None,
        }
    }

    fn read(reader: &mut impl Reader, row: &'static Row, default: &Option<u64>) -> Option<u64> {
        reader.optional_number(row, *default)
    }
}

impl Setting for Duration {
    fn preset(row: &Row) -> Duration {
        match row.preset {
            Preset::Duration(duration) => duration,
            _ => Duration::ZERO,
        }
    }

    fn read(reader: &mut impl Reader, row: &'static Row, default: &Duration) -> Duration {
        reader.duration(row, *default)
    }
}

impl Setting for bool {
    fn preset(row: &Row) -> bool {
        row.preset == Preset::Flag(true)
    }

    fn read(reader: &mut impl Reader, row: &'static Row, default: &bool) -> bool {
        reader.flag(row, *default)
    }
}

impl Setting for Vec<String> {
    fn preset(row: &Row) -> Vec<String> {
        match row.preset {
            Preset::List(items) => items.iter().map(|item| (*item).to_owned()).collect(),
            _ => Vec::new(),
        }
    }

    fn read(reader: &mut impl Reader, row: &'static Row, default: &Vec<String>) -> Vec<String> {
        reader.list(row, default)
    }
}

impl Setting for Option<Vec<String>> {
    fn preset(_row: &Row) -> Option<Vec<String>> {
        None
    }

    fn read(
        reader: &mut impl Reader,
        row: &'static Row,
        default: &Option<Vec<String>>,
    ) -> Option<Vec<String>> {
        reader.optional_list(row, default.as_deref())
    }
}
