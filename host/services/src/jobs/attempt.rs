//! The state machine of jobs, independent of any store: what the end of an attempt does to its job.

use std::time::Duration;

use hayrick_types::clock::milliseconds;
use hayrick_types::job::{AttemptEnd, JobStatus};

use crate::backoff::Backoff;

/// The part of a running job that decides what follows its attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// Attempts begun, this one included.
    pub attempt: u32,
    pub attempts_max: u32,
    pub crashes: u32,
    pub crashes_alone: u32,
    pub cancel_requested: bool,
    pub run_at: u64,
    /// Of the previous attempt.
    pub error: Option<String>,
}

/// The job after its attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub status: JobStatus,
    pub attempt: u32,
    pub crashes: u32,
    /// Crashes while no other job ran that could be the cause.
    pub crashes_alone: u32,
    /// Unix time in milliseconds.
    pub run_at: u64,
    /// Whether a job that is pending again may run at once.
    pub is_due: bool,
    pub error: Option<String>,
    pub result: Option<String>,
}

/// A job during whose attempts the host died this often may be the cause. Such jobs run one at a
/// time, so that the next crash tells which of them it is.
pub(super) const SUSPECT_CRASHES: u32 = 2;

/// When a job is retried, and when it fails.
pub(super) struct Rules {
    pub backoff: Backoff,
    pub delay_max: Duration,
    /// Crashes of the host while it ran one job and no other that could be the cause.
    pub crashes_max: u32,
}

impl Rules {
    /// The worker reports the end of the attempt at `now`. A cancel that was requested before takes
    /// precedence.
    pub fn ended(&self, standing: Standing, end: AttemptEnd, now: u64) -> Outcome {
        let attempts_left = standing.attempt < standing.attempts_max;
        let (attempt, cancel_requested) = (standing.attempt, standing.cancel_requested);
        let same = Outcome::keeping(standing);
        match end {
            _ if cancel_requested => same.status(JobStatus::Cancelled),
            AttemptEnd::Completed(result) => Outcome {
                error: None,
                result: Some(result),
                ..same.status(JobStatus::Completed)
            },
            AttemptEnd::Retry { error, delay } if attempts_left => {
                let wait = delay.map_or_else(
                    || self.backoff.full_jitter(attempt.saturating_sub(1)),
                    |delay| delay.min(self.delay_max),
                );
                let run_at = now.saturating_add(milliseconds(wait));
                Outcome {
                    run_at,
                    is_due: run_at == now,
                    error: Some(error),
                    ..same
                }
            }
            AttemptEnd::Retry { error, .. } | AttemptEnd::Failed(error) => Outcome {
                error: Some(error),
                ..same.status(JobStatus::Failed)
            },
            AttemptEnd::Cancelled => same.status(JobStatus::Cancelled),
            AttemptEnd::Released => Outcome {
                attempt: attempt.saturating_sub(1),
                ..same
            },
        }
    }

    /// The attempt's process died; `alone` says that it ran no other job that could be the cause. A
    /// job to which this happens again and again is taken for the cause, whatever attempts it has
    /// left.
    pub fn died(&self, standing: Standing, alone: bool) -> Outcome {
        let crashes = standing.crashes.saturating_add(1);
        let crashes_alone = standing.crashes_alone.saturating_add(u32::from(alone));
        let (attempts_max, cancel_requested) = (standing.attempts_max, standing.cancel_requested);
        let attempts_left = standing.attempt < attempts_max;
        let same = Outcome {
            crashes,
            crashes_alone,
            ..Outcome::keeping(standing)
        };
        let error = match () {
            () if cancel_requested => return same.status(JobStatus::Cancelled),
            () if crashes_alone >= self.crashes_max => {
                format!(
                    "the host died {crashes} times while it ran this job, which may be the cause: fix the pipeline, then retry the job"
                )
            }
            () if attempts_left => return same,
            () => format!(
                "the host died during the last of {attempts_max} attempts: retry the job if it may run again"
            ),
        };
        Outcome {
            error: Some(error),
            ..same.status(JobStatus::Failed)
        }
    }
}

impl Outcome {
    /// Pending with its old place in the queue; the attempt counts.
    fn keeping(standing: Standing) -> Outcome {
        let Standing {
            attempt,
            crashes,
            crashes_alone,
            run_at,
            error,
            ..
        } = standing;
        Outcome {
            status: JobStatus::Pending,
            attempt,
            crashes,
            crashes_alone,
            run_at,
            is_due: true,
            error,
            result: None,
        }
    }

    fn status(self, status: JobStatus) -> Outcome {
        Outcome { status, ..self }
    }
}
