//! Data to stdout, the rest to stderr. A reader that closed its end is no failure, and never a
//! panic.

use std::io::{ErrorKind, Write, stderr, stdout};

use serde_json::Value;

/// Writes one piece of data and a newline.
///
/// # Errors
/// Stdout cannot be written to; a closed pipe is not one of them.
pub fn print(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a line for the person; there is nobody left to tell if that fails.
pub fn complain(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// Rows under a heading, each column as wide as its widest cell.
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

/// Text of others without control characters, which could rewrite the terminal it is shown on.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

/// A document over several lines. What a terminal would obey is written as JSON's own escapes, as a
/// reader of JSON reads the same.
pub fn json(value: &Value) -> String {
    let escaped = |letter: char| match letter {
        // JSON itself has no other control characters left: these stand in its strings.
        '\n' => "\n".to_owned(),
        _ if letter.is_control() => format!("\\u{:04x}", u32::from(letter)),
        _ => letter.to_string(),
    };
    format!("{value:#}").chars().map(escaped).collect()
}

/// The text or number at `path`, harmless; `-` when there is none.
pub fn word(value: &Value, path: &str) -> String {
    match value.pointer(path) {
        Some(Value::String(text)) => harmless(text),
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
    fn escapes_do_not_reach_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2J\nb"), "a [2J b");
        let value = serde_json::json!({"a": "\u{1b}[2J \u{9b}2J \u{7f}\n\u{e9}"});
        let shown = json(&value);
        assert!(
            shown
                .chars()
                .all(|letter| letter == '\n' || !letter.is_control()),
            "{shown:?}"
        );
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
        assert_eq!(
            (word(&value, "/a").as_str(), word(&value, "/b").as_str()),
            (" [2J  2J   \u{e9}", "-")
        );
    }
}
