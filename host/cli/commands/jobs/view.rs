//! Jobs as text for people.

use serde_json::Value;

use crate::age::age;
use crate::output::{printable, text_at};

/// Characters of an error in a table; `hayrick jobs show` prints all of it.
const ERROR_CHARS_MAX: usize = 80;

/// Whether a job has ended, and how.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended.
    Open,
    Succeeded,
    /// It failed, or was cancelled.
    Failed,
}

/// The outcome of a job.
pub fn outcome(job: &Value) -> Outcome {
    match (job.get("completed_at"), text_at(job, "/status").as_str()) {
        (None | Some(Value::Null), _) => Outcome::Open,
        (_, "completed") => Outcome::Succeeded,
        _ => Outcome::Failed,
    }
}

/// A row of a table.
pub fn row(job: &Value) -> [String; 7] {
    let [id, status, kind, error] =
        ["/id", "/status", "/type", "/error"].map(|path| text_at(job, path));
    [
        id,
        status,
        kind,
        attempt(job, "/"),
        progress(job).unwrap_or_else(dash),
        age(job, "/created_at").unwrap_or_else(dash),
        cut(&error),
    ]
}

/// All of a job, one field a line.
pub fn describe(job: &Value) -> String {
    let text = |path: &str| {
        job.pointer(path)
            .filter(|value| !value.is_null())
            .map(plain)
    };
    let ago = |path: &str| age(job, path).map(|age| format!("{age} ago"));
    let lines = [
        ("id", text("/id")),
        ("pipeline", text("/pipeline")),
        ("type", text("/type")),
        ("status", text("/status")),
        ("attempt", Some(attempt(job, " of "))),
        ("progress", progress(job)),
        ("created", ago("/created_at")),
        ("started", ago("/started_at")),
        ("ended", ago("/completed_at")),
        ("error", text("/error")),
        ("data", text("/data")),
        ("result", text("/result")),
    ];
    let lines = lines
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name:<9} {}", value?)));
    lines.collect::<Vec<_>>().join("\n")
}

fn dash() -> String {
    "-".to_owned()
}

/// Text as it is, anything else as JSON; printable.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

fn attempt(job: &Value, of: &str) -> String {
    format!(
        "{}{of}{}",
        text_at(job, "/attempt"),
        text_at(job, "/max_attempts")
    )
}

fn progress(job: &Value) -> Option<String> {
    let progress = job
        .get("progress")
        .filter(|progress| progress.is_object())?;
    let total = progress
        .get("total")
        .and_then(Value::as_u64)
        .map(|total| format!("/{total}"));
    let message = progress
        .get("message")
        .and_then(Value::as_str)
        .map(|message| format!(": {}", printable(message)));
    Some(format!(
        "{}{}{}",
        text_at(progress, "/done"),
        total.unwrap_or_default(),
        message.unwrap_or_default()
    ))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(ERROR_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job() -> Value {
        json!({
            "id": "7", "pipeline": "p", "type": "t\u{1b}[2J", "status": "failed", "attempt": 2, "max_attempts": 4, "created_at": 0.5,
            "completed_at": 1.5, "progress": {"done": 1, "total": 3, "message": "a\nb"}, "error": "e".repeat(100), "data": {"a": "\u{9b}"},
            "result": null,
        })
    }

    #[test]
    fn a_row_is_one_line_without_control_characters() {
        let row = row(&job());
        assert_eq!(
            row[..5],
            ["7", "failed", "t [2J", "2/4", "1/3: a b"].map(str::to_owned)
        );
        assert!(
            row[5].ends_with('d') && row[6] == format!("{}…", "e".repeat(80)),
            "{row:?}"
        );
        assert_eq!(row_of_nothing(), "- - - -/- - - -");
    }

    fn row_of_nothing() -> String {
        row(&json!({})).join(" ")
    }

    #[test]
    fn a_job_leaves_out_fields_without_a_value() {
        let shown = describe(&job());
        assert!(
            shown.starts_with(
                "id        7\npipeline  p\ntype      t [2J\nstatus    failed\nattempt   2 of 4\n"
            ),
            "{shown}"
        );
        assert!(
            !shown.contains("result") && !shown.contains("started"),
            "{shown}"
        );
        assert!(
            shown
                .chars()
                .all(|character| character == '\n' || !character.is_control()),
            "{shown:?}"
        );
    }

    #[test]
    fn a_job_is_open_succeeded_or_failed() {
        let of = |status: &str, completed_at: Value| {
            outcome(&json!({"status": status, "completed_at": completed_at}))
        };
        assert_eq!(of("running", Value::Null), Outcome::Open);
        assert_eq!(of("completed", json!(1)), Outcome::Succeeded);
        assert_eq!(
            [of("failed", json!(1)), of("cancelled", json!(1))],
            [Outcome::Failed, Outcome::Failed]
        );
    }
}
