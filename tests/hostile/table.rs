//! Prints the results, for people and machines.

use std::time::Duration;

use serde_json::json as object;

use super::attack::{Arena, Row};

fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 10_000.0).round() / 10.0
}

/// The lines above the table.
pub fn heading(arena: &Arena) -> String {
    let quiet = &arena.quiet;
    format!(
        "The neighbour without an attack: p50 {} ms, p99 {} ms over {} requests.\n\n\
         {:<28} {:>8} {:>20} {:>6} {:>9} {:<5} what the client saw",
        millis(quiet.quantile(0.5)),
        millis(quiet.p99()),
        quiet.len(),
        "attack",
        "took",
        "p99 quiet/attacked",
        "failed",
        "host MiB",
        "",
    )
}

/// A row, followed by its problems.
pub fn line(row: &Row) -> String {
    let verdict = if row.problems.is_empty() {
        "ok"
    } else {
        "FAIL"
    };
    let p99 = format!("{} / {} ms", millis(row.quiet_p99), millis(row.load.p99()));
    let memory = row
        .host_growth
        .map_or_else(String::new, |bytes| format!("+{}", bytes >> 20));
    let took = format!("{:.1} s", row.took.as_secs_f64());
    let failed = row.load.failures.len();
    let mut line = format!(
        "{:<28} {took:>8} {p99:>20} {failed:>6} {memory:>9} {verdict:<5} {}",
        row.name, row.saw
    );
    for problem in &row.problems {
        line.push_str(&format!("\n    - {problem}"));
    }
    line
}

/// A row as JSON.
pub fn json(row: &Row) -> String {
    object!({
        "attack": row.name, "theme": row.theme, "tries": row.tries, "saw": row.saw, "took_ms": millis(row.took),
        "neighbour": {
            "quiet_p99_ms": millis(row.quiet_p99), "p99_ms": millis(row.load.p99()), "requests": row.load.len(),
            "failures": row.load.failures.len(), "repeated": row.repeated,
        },
        "host_growth_bytes": row.host_growth, "problems": row.problems, "ok": row.problems.is_empty(),
    })
    .to_string()
}

/// The line below the table.
pub fn summary(rows: &[Row]) -> String {
    let failed = rows.iter().filter(|row| !row.problems.is_empty()).count();
    let repeated = rows.iter().filter(|row| row.repeated).count();
    format!(
        "\n{} attacks; the host did not withstand {failed}. {repeated} were measured twice.",
        rows.len()
    )
}
