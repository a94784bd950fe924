//! Prints data to stdout and everything else to stderr. A reader that closes its end of a pipe
//! causes neither a failure nor a panic.

use std::io::{ErrorKind, Write, stderr, stdout};

use serde_json::Value;

/// Prints data and a newline.
///
/// # Errors
/// Stdout cannot be written; a closed pipe is not an error.
pub fn print(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Prints a line to stderr. If that fails, nothing more can be done.
pub fn print_stderr(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// Rows under a heading; each column is as wide as its widest cell.
pub fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let cells = || {
        std::iter::once(heading).chain(rows.iter().map(|row| row.each_ref().map(String::as_str)))
    };
    let widths = cells().fold([0; N], wider);
    cells()
        .map(|row| line(row, widths))
        .collect::<Vec<_>>()
        .join("\n")
}

fn wider<const N: usize>(widths: [usize; N], row: [&str; N]) -> [usize; N] {
    let mut cells = row.into_iter();
    widths.map(|width| {
        cells
            .next()
            .map_or(width, |cell| width.max(cell.chars().count()))
    })
}

fn line<const N: usize>(row: [&str; N], widths: [usize; N]) -> String {
    let padded: String = row
        .into_iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}  "))
        .collect();
    padded.trim_end().to_owned()
}

/// Text from elsewhere without control characters, which could change the terminal that shows it.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// A document on several lines. Control characters become escapes, which mean the same to a reader
/// of JSON and nothing to a terminal.
pub fn json(value: &Value) -> String {
    let escaped = |character: char| match character {
        // The only control character that JSON has outside its strings.
        '\n' => "\n".to_owned(),
        _ if character.is_control() => format!("\\u{:04x}", u32::from(character)),
        _ => character.to_string(),
    };
    format!("{value:#}").chars().map(escaped).collect()
}

/// The text or number at `path`, printable; `-` if there is neither.
pub fn text_at(value: &Value, path: &str) -> String {
    match value.pointer(path) {
        Some(Value::String(text)) => printable(text),
        Some(Value::Number(number)) => number.to_string(),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [
            ["a".to_owned(), "ready".to_owned()],
            ["longer".to_owned(), "–".to_owned()],
        ];
        assert_eq!(
            table(["NAME", "STATE"], &rows),
            "NAME    STATE\na       ready\nlonger  –"
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2J\nb"), "a [2J b");
        let value = serde_json::json!({"a": "\u{1b}[2J \u{9b}2J \u{7f}\n\u{e9}"});
        let shown = json(&value);
        assert!(
            shown
                .chars()
                .all(|character| character == '\n' || !character.is_control()),
            "{shown:?}"
        );
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
        assert_eq!(
            (
                text_at(&value, "/a").as_str(),
                text_at(&value, "/b").as_str()
            ),
            (" [2J  2J   \u{e9}", "-")
        );
    }
}
