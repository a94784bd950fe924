//! What clients send about jobs.

use std::time::Duration;

use hayrick_types::job::{JobFilter, JobId, JobStatus, Submission};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::wire::times::span;

/// The longest wait of one request; who wants to wait longer asks again.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Jobs of a page when nobody says how many.
const LIMIT_DEFAULT: usize = 100;

/// The body of a submission. Spans are seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    idempotency_key: Option<String>,
    delay: Option<f64>,
    priority: Option<f64>,
    max_attempts: Option<f64>,
    timeout: Option<f64>,
}

/// Reads a submission; a key in a header stands before one in the body.
///
/// # Errors
/// It is no JSON object of these fields, or a span is none.
pub(super) fn parse(
    pipeline: String,
    body: &str,
    key: Option<String>,
) -> Result<Submission, ApiError> {
    let body: Body<'_> = serde_json::from_str(body).map_err(|error| {
        let how = r#"send for example {"type": "text_processing", "data": {"text": "…"}}"#;
        ApiError::invalid(format!("the body is no submission ({error}): {how}"), None)
    })?;
    Ok(Submission {
        pipeline,
        kind: body.kind,
        data: body.data.map_or("null", RawValue::get).to_owned(),
        idempotency_key: key.or(body.idempotency_key),
        delay: seconds("delay", body.delay)?,
        priority: whole("priority", body.priority)?.unwrap_or(0),
        attempts_max: whole("max_attempts", body.max_attempts)?,
        timeout: seconds("timeout", body.timeout)?,
        pending_max: None,
    })
}

fn seconds(name: &'static str, value: Option<f64>) -> Result<Option<Duration>, ApiError> {
    let Some(value) = value else { return Ok(None) };
    let span = span(value).ok_or_else(|| {
        ApiError::invalid(
            format!("'{name}' is a number of seconds from 0 on, not {value}"),
            Some(name),
        )
    })?;
    Ok(Some(span))
}

/// A whole number, however it is written: to JSON, and to many programs that write it, `2.0` is 2.
fn whole<T: TryFrom<i64>>(name: &'static str, value: Option<f64>) -> Result<Option<T>, ApiError> {
    let Some(value) = value else { return Ok(None) };
    // What lies beyond an `i64` becomes its nearest, which is out of range all the same.
    let number = (value.fract() == 0.0)
        .then_some(value as i64)
        .and_then(|number| T::try_from(number).ok());
    let number = number.ok_or_else(|| {
        ApiError::invalid(
            format!("'{name}' is a whole number in its range, not {value}"),
            Some(name),
        )
    })?;
    Ok(Some(number))
}

/// Which jobs are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    status: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    before: Option<String>,
    limit: Option<usize>,
}

impl ListQuery {
    /// The filter it means.
    ///
    /// # Errors
    /// A word that is no status, or no id.
    pub(super) fn filter(self, pipeline: String) -> Result<JobFilter, ApiError> {
        let status = self
            .status
            .map(|word| JobStatus::parse(&word).ok_or_else(no_status))
            .transpose()?;
        let before = self
            .before
            .map(|word| JobId::parse(&word).ok_or_else(no_cursor))
            .transpose()?;
        Ok(JobFilter {
            pipeline,
            status,
            kind: self.kind,
            before,
            limit: self.limit.unwrap_or(LIMIT_DEFAULT),
        })
    }
}

fn no_status() -> ApiError {
    let words = JobStatus::ALL.map(JobStatus::as_str).join(", ");
    ApiError::invalid(format!("'status' is one of {words}"), Some("status"))
}

fn no_cursor() -> ApiError {
    ApiError::invalid(
        "'before' is a job's id: the 'next' of the page before",
        Some("before"),
    )
}

/// How long an answer may wait.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    wait: Option<f64>,
}

impl WaitQuery {
    /// The time it means; a very long one is cut.
    ///
    /// # Errors
    /// It is no span.
    pub(super) fn wait(self) -> Result<Option<Duration>, ApiError> {
        Ok(seconds("wait", self.wait)?.map(|wait| wait.min(WAIT_MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_is_read_and_its_data_goes_on_as_it_came() {
        let body = r#"{"type": "analysis", "data": {"content": [1,  2]}, "delay": 1.5, "idempotency_key": "body"}"#;
        let submission = parse("p".to_owned(), body, None).unwrap();
        assert_eq!(
            (submission.kind.as_str(), submission.data.as_str()),
            ("analysis", r#"{"content": [1,  2]}"#)
        );
        assert_eq!(
            (submission.delay, submission.idempotency_key.as_deref()),
            (Some(Duration::from_millis(1500)), Some("body"))
        );
        assert_eq!(
            parse("p".to_owned(), body, Some("header".to_owned()))
                .unwrap()
                .idempotency_key
                .as_deref(),
            Some("header")
        );
        assert_eq!(
            parse("p".to_owned(), r#"{"type": "x"}"#, None)
                .unwrap()
                .data,
            "null"
        );
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let submission = parse(
            "p".to_owned(),
            r#"{"type": "x", "priority": -3.0, "max_attempts": 2e0}"#,
            None,
        )
        .unwrap();
        assert_eq!(
            (submission.priority, submission.attempts_max),
            (-3, Some(2))
        );
        for field in [
            r#""priority": 1.5"#,
            r#""priority": 32768"#,
            r#""max_attempts": -1"#,
            r#""max_attempts": 1e300"#,
        ] {
            let error = parse(
                "p".to_owned(),
                &format!(r#"{{"type": "x", {field}}}"#),
                None,
            )
            .unwrap_err();
            assert!(
                error.message().contains("is a whole number"),
                "{field}: {}",
                error.message()
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", "no submission"),
            (r#"{"data": 1}"#, "missing field `type`"),
            (r#"{"type": "x", "dalay": 1}"#, "unknown field `dalay`"),
            (
                r#"{"type": "x", "delay": -1}"#,
                "'delay' is a number of seconds",
            ),
            (r#"{"type": "x", "timeout": "5m"}"#, "expected f64"),
        ];
        for (body, words) in cases {
            let error = parse("p".to_owned(), body, None).unwrap_err();
            assert!(
                error.message().contains(words),
                "{body}: {}",
                error.message()
            );
        }
    }
}
