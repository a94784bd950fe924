//! Generated pages: compared with the code, or rewritten.

use crate::support::source::{read, root};

/// Compares a page of the repository with its expected content. With `HAYRICK_WRITE_DOCS=1` it is
/// written instead.
pub fn check_page(path: &str, expected: &str) {
    if std::env::var_os("HAYRICK_WRITE_DOCS").is_some() {
        std::fs::write(root().join(path), expected).unwrap();
        return;
    }
    let found = if root().join(path).exists() {
        read(path)
    } else {
        String::new()
    };
    let different = found
        .lines()
        .zip(expected.lines())
        .find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{path} is out of date: run `HAYRICK_WRITE_DOCS=1 sh tests/run.sh up_to_date`. First \
         difference, found and expected: {different:#?}"
    );
}
