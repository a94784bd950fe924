//! What clients send about jobs: submissions and queries.

use std::time::Duration;

use hayrick_types::job::{JobFilter, JobId, JobStatus, Submission};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::wire::params::{cursor, one_of, seconds};

/// The longest wait of one request; a client that wants to wait longer asks again.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Jobs of a page if the client does not say.
const LIMIT_DEFAULT: usize = 100;

/// The body of a submission. Durations are in seconds.
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

/// Reads a submission; its key is in the header or in the body.
///
/// # Errors
/// The body is not a JSON object with these fields, a number is out of its range, or there are two
/// different keys.
pub(super) fn parse(
    pipeline: String,
    body: &str,
    key: Option<String>,
) -> Result<Submission, ApiError> {
    let body: Body<'_> = serde_json::from_str(body).map_err(|error| {
        let how = r#"send for example {"type": "text_processing", "data": {"text": "…"}}"#;
        ApiError::invalid(
            format!("the body is not a submission ({error}): {how}"),
            None,
        )
    })?;
    let key = match (key, body.idempotency_key) {
        (Some(header), Some(field)) if header != field => {
            return Err(ApiError::invalid(
                "the header Idempotency-Key and the field 'idempotency_key' differ: send one of \
                 them, or the same in both",
                Some("idempotency_key"),
            ));
        }
        (header, field) => header.or(field),
    };
    Ok(Submission {
        pipeline,
        kind: body.kind,
        data: body.data.map_or("null", RawValue::get).to_owned(),
        idempotency_key: key,
        delay: seconds("delay", body.delay)?,
        priority: whole("priority", body.priority)?.unwrap_or(0),
        attempts_max: whole("max_attempts", body.max_attempts)?,
        timeout: seconds("timeout", body.timeout)?,
        pending_max: None,
    })
}

/// A whole number, however it is written: to JSON, and to many programs that write JSON, `2.0` is
/// 2.
fn whole<T: TryFrom<i64>>(name: &'static str, value: Option<f64>) -> Result<Option<T>, ApiError> {
    let Some(value) = value else { return Ok(None) };
    // A number beyond an `i64` becomes the nearest one, which is out of every range too.
    let number = (value.fract() == 0.0)
        .then_some(value as i64)
        .and_then(|number| T::try_from(number).ok());
    let number = number.ok_or_else(|| {
        ApiError::invalid(
            format!("'{name}' is {value}: send a whole number in its range"),
            Some(name),
        )
    })?;
    Ok(Some(number))
}

/// Which jobs to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    status: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    before: Option<String>,
    limit: Option<usize>,
}

impl ListQuery {
    /// The filter for jobs of `pipeline`.
    ///
    /// # Errors
    /// The status or the cursor is invalid.
    pub(super) fn filter(self, pipeline: String) -> Result<JobFilter, ApiError> {
        let names = JobStatus::ALL.map(JobStatus::as_str);
        let status = one_of("status", self.status.as_deref(), JobStatus::parse, names)?;
        let before = cursor(self.before.as_deref(), JobId::parse)?;
        Ok(JobFilter {
            pipeline,
            status,
            kind: self.kind,
            before,
            limit: self.limit.unwrap_or(LIMIT_DEFAULT),
        })
    }
}

/// How long the response may wait.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitQuery {
    wait: Option<f64>,
}

impl WaitQuery {
    /// The time to wait, at most [`WAIT_MAX`].
    ///
    /// # Errors
    /// The number is negative or too large.
    pub(super) fn wait(self) -> Result<Option<Duration>, ApiError> {
        Ok(seconds("wait", self.wait)?.map(|wait| wait.min(WAIT_MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_is_read_and_its_data_stays_as_it_came() {
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
        let both = |key: &str| parse("p".to_owned(), body, Some(key.to_owned()));
        assert_eq!(
            both("body").unwrap().idempotency_key.as_deref(),
            Some("body")
        );
        let error = both("header").unwrap_err();
        assert!(error.message().contains("differ"), "{}", error.message());
        assert_eq!(
            parse("p".to_owned(), r#"{"type": "x"}"#, None)
                .unwrap()
                .data,
            "null"
        );
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
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
                error.message().contains("send a whole number"),
                "{field}: {}",
                error.message()
            );
        }
    }

    #[test]
    fn errors_name_the_mistake() {
        let cases = [
            ("", "not a submission"),
            (r#"{"data": 1}"#, "missing field `type`"),
            (r#"{"type": "x", "dalay": 1}"#, "unknown field `dalay`"),
            (
                r#"{"type": "x", "delay": -1}"#,
                "'delay' is -1: send a number of seconds",
            ),
            (r#"{"type": "x", "timeout": "5m"}"#, "expected f64"),
        ];
        for (body, expected) in cases {
            let error = parse("p".to_owned(), body, None).unwrap_err();
            assert!(
                error.message().contains(expected),
                "{body}: {}",
                error.message()
            );
        }
    }
}
