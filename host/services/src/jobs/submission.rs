//! Checks submissions against the limits, and fills in the defaults.

use std::ops::RangeInclusive;
use std::time::Duration;

use hayrick_types::job::{JobId, Submission};
use hayrick_types::limit_name::LimitName;
use serde_json::Value;

use crate::jobs::config::JobsConfig;
use crate::jobs::error::JobError;
use crate::jobs::store::NewJob;

/// The job to store.
pub(super) fn check(submission: Submission, config: &JobsConfig) -> Result<NewJob, JobError> {
    let Submission {
        pipeline,
        kind,
        data,
        idempotency_key,
        delay,
        priority,
        attempts_max,
        timeout,
        pending_max,
    } = submission;
    let limits = &config.settings;
    check_name(
        "the job's kind",
        &kind,
        limits.kind_bytes_max,
        LimitName::JobKindBytesMax,
    )?;
    if let Some(key) = &idempotency_key {
        check_name(
            "the idempotency key",
            key,
            limits.key_bytes_max,
            LimitName::JobKeyBytesMax,
        )?;
    }
    check_json(
        "the job's data",
        &data,
        limits.data_bytes_max,
        LimitName::JobDataBytesMax,
    )?;
    let delay = delay.unwrap_or_default();
    check_span(
        "the delay",
        delay,
        Duration::ZERO..=limits.delay_max,
        LimitName::JobDelayMax,
    )?;
    let timeout = timeout.unwrap_or(limits.timeout.min(limits.timeout_max));
    check_span(
        "the timeout",
        timeout,
        Duration::from_millis(1)..=limits.timeout_max,
        LimitName::JobTimeoutMax,
    )?;
    let attempts_max = attempts_max.unwrap_or(limits.attempts.min(limits.attempts_max));
    check_attempts(attempts_max, limits.attempts_max)?;
    Ok(NewJob {
        id: JobId::fresh(),
        pipeline,
        kind,
        data,
        idempotency_key,
        delay,
        priority,
        attempts_max,
        timeout,
        pending_max,
    })
}

fn check_attempts(attempts: u32, most: u32) -> Result<(), JobError> {
    if (1..=most).contains(&attempts) {
        return Ok(());
    }
    Err(JobError::OutOfRange {
        what: "the number of attempts",
        least: "1".to_owned(),
        most: most.to_string(),
        limit: (attempts > most).then_some(LimitName::JobAttemptsMax),
    })
}

/// A text of limited length.
fn check_length(
    what: &'static str,
    text: &str,
    bytes_max: usize,
    limit: LimitName,
) -> Result<(), JobError> {
    if text.len() > bytes_max {
        Err(JobError::TooLong {
            what,
            bytes: text.len(),
            bytes_max,
            limit,
        })
    } else {
        Ok(())
    }
}

/// Levels of a document. Parsers of JSON stop at 128, and a list of jobs puts some around it.
const JSON_DEPTH_MAX: usize = 100;

/// Whether a document has more levels of arrays and objects than `max`.
fn is_deeper(value: &Value, max: usize) -> bool {
    let Some(rest) = max.checked_sub(1) else {
        return matches!(value, Value::Array(_) | Value::Object(_));
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper(item, rest)),
        Value::Object(members) => members.values().any(|member| is_deeper(member, rest)),
        _ => false,
    }
}

/// A JSON document of limited length.
pub(super) fn check_json(
    what: &'static str,
    text: &str,
    bytes_max: usize,
    limit: LimitName,
) -> Result<(), JobError> {
    check_length(what, text, bytes_max, limit)?;
    // Parsed, not only scanned: a document that is nested too deeply or has half a surrogate pair
    // would make every response with this job unreadable.
    match serde_json::from_str::<Value>(text) {
        Ok(value) if is_deeper(&value, JSON_DEPTH_MAX) => Err(JobError::NotJson {
            what,
            reason: format!("it is nested deeper than {JSON_DEPTH_MAX} levels"),
        }),
        Ok(_) => Ok(()),
        Err(error) => Err(JobError::NotJson {
            what,
            reason: error.to_string(),
        }),
    }
}

fn check_name(
    what: &'static str,
    text: &str,
    bytes_max: usize,
    limit: LimitName,
) -> Result<(), JobError> {
    if text.is_empty() {
        Err(JobError::Empty { what })
    } else {
        check_length(what, text, bytes_max, limit)
    }
}

fn check_span(
    what: &'static str,
    span: Duration,
    range: RangeInclusive<Duration>,
    limit: LimitName,
) -> Result<(), JobError> {
    if range.contains(&span) {
        Ok(())
    } else {
        Err(JobError::OutOfRange {
            what,
            least: format!("{:?}", range.start()),
            most: format!("{:?}", range.end()),
            limit: (span > *range.end()).then_some(limit),
        })
    }
}
