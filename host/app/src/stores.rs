//! The `[jobs]`, `[tasks]` and `[state]` sections: how much is kept, for how long, and how much is
//! worked on at a time.

use std::time::Duration;

use hayrick_services::jobs::config::{JobsConfig, Retention};
use hayrick_services::state::config::StateConfig;
use hayrick_services::tasks::config::TasksConfig;
use hayrick_types::policy::{JobGrant, StateQuota};
use hayrick_worker::config::WorkerConfig;

use crate::limits::TIMES;
use crate::section::Section;

/// The longest time anything is kept.
const YEARS: Duration = Duration::from_hours(10 * 365 * 24);
/// Attempts of one plugin at a time: it must not take every place.
const PLUGIN_JOBS_MAX_DEFAULT: usize = 4;
const COUNT: u64 = 1_000_000_000;

/// Reads `[jobs]`: how the queue is, how it is worked on, and what each plugin may do with it.
pub fn read_jobs(section: &mut Section) -> (JobsConfig, WorkerConfig, JobGrant) {
    let (default, worker) = (JobsConfig::default(), WorkerConfig::default());
    let worker = WorkerConfig {
        jobs_max: section.count("jobs_max", worker.jobs_max, 1..=4096),
        ..worker
    };
    let running_max = section.count("plugin_jobs_max", PLUGIN_JOBS_MAX_DEFAULT, 1..=4096);
    let jobs = JobsConfig {
        data_bytes_max: section.size("data_bytes_max", default.data_bytes_max, 1..=64 << 20),
        result_bytes_max: section.size("result_bytes_max", default.result_bytes_max, 1..=64 << 20),
        checkpoint_bytes_max: section.size(
            "checkpoint_bytes_max",
            default.checkpoint_bytes_max,
            1..=64 << 20,
        ),
        pending_max: section.count("pending_max", default.pending_max, 1..=COUNT),
        attempts_default: section.count("attempts", default.attempts_default, 1..=100),
        timeout_default: section.duration("timeout", default.timeout_default, TIMES),
        backoff_base: section.duration("backoff_base", default.backoff_base, TIMES),
        backoff_cap: section.duration("backoff_cap", default.backoff_cap, TIMES),
        crashes_max: section.count("crashes_max", default.crashes_max, 1..=1000),
        retention: Retention {
            completed: section.duration(
                "keep_completed",
                default.retention.completed,
                Duration::ZERO..=YEARS,
            ),
            cancelled: section.duration(
                "keep_cancelled",
                default.retention.cancelled,
                Duration::ZERO..=YEARS,
            ),
            failed: section.duration(
                "keep_failed",
                default.retention.failed,
                Duration::ZERO..=YEARS,
            ),
            kept_max: section.count("kept_max", default.retention.kept_max, 1..=COUNT),
        },
        ..default
    };
    let grant = JobGrant {
        submit: true,
        pending_max: jobs.pending_max,
        running_max,
    };
    (jobs, worker, grant)
}

/// Reads `[tasks]`.
pub fn read_tasks(section: &mut Section) -> TasksConfig {
    let default = TasksConfig::default();
    TasksConfig {
        age_max: section.duration("keep", default.age_max, TIMES.start().to_owned()..=YEARS),
        per_pipeline_max: section.count("kept_max", default.per_pipeline_max, 1..=COUNT),
        ..default
    }
}

/// Reads `[state]`.
pub fn read_state(section: &mut Section) -> StateConfig {
    let default = StateConfig::default();
    StateConfig {
        quota: read_quota(section, default.quota),
        ..default
    }
}

/// Reads what one plugin may remember; what is absent is as in `default`.
pub fn read_quota(section: &mut Section, default: StateQuota) -> StateQuota {
    StateQuota {
        value_bytes_max: section.size("value_bytes_max", default.value_bytes_max, 1..=64 << 20),
        keys_max: section.count("keys_max", default.keys_max, 1..=COUNT),
        bytes_max: section.size("bytes_max", default.bytes_max, 1..=1 << 40),
    }
}
