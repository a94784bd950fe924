//! What may happen to jobs, for the model: random steps.

use std::collections::BTreeMap;

use hayrick_types::job::AttemptEnd;
use proptest::collection::btree_map;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;

use crate::bench::SECOND;

pub const PIPELINES: [&str; 2] = ["echo", "other"];

#[derive(Debug, Clone)]
pub enum Step {
    Submit {
        pipeline: usize,
        key: Option<u8>,
        data: u8,
        delay: u32,
        priority: i16,
        attempts_max: u32,
    },
    Claim {
        slots: BTreeMap<usize, usize>,
        all: usize,
    },
    /// Of the attempts there ever were, one may be stale.
    Finish {
        attempt: usize,
        end: AttemptEnd,
    },
    Report {
        attempt: usize,
        done: u64,
    },
    Cancel {
        job: usize,
    },
    Retry {
        job: usize,
    },
    Crash,
    /// Seconds, also backwards.
    Clock {
        seconds: i64,
    },
    Sweep,
}

pub fn step() -> impl Strategy<Value = Step> {
    let submit = (
        0..2usize,
        proptest::option::of(0..3u8),
        0..2u8,
        0..3u32,
        -1..2i16,
        1..4u32,
    )
        .prop_map(
            |(pipeline, key, data, delay, priority, attempts_max)| Step::Submit {
                pipeline,
                key,
                data,
                delay,
                priority,
                attempts_max,
            },
        );
    prop_oneof![
        4 => submit,
        4 => (btree_map(0..2usize, 0..4usize, 0..3), 0..5usize).prop_map(|(slots, all)| Step::Claim { slots, all }),
        4 => (any::<usize>(), end()).prop_map(|(attempt, end)| Step::Finish { attempt, end }),
        1 => (any::<usize>(), any::<u64>()).prop_map(|(attempt, done)| Step::Report { attempt, done: done >> 1 }),
        2 => any::<usize>().prop_map(|job| Step::Cancel { job }),
        2 => any::<usize>().prop_map(|job| Step::Retry { job }),
        1 => Just(Step::Crash),
        2 => (-3..5i64).prop_map(|seconds| Step::Clock { seconds }),
        1 => Just(Step::Sweep),
    ]
}

pub fn end() -> impl Strategy<Value = AttemptEnd> {
    prop_oneof![
        Just(AttemptEnd::Completed("42".to_owned())),
        proptest::option::of(0..3u32).prop_map(|delay| AttemptEnd::Retry {
            error: "not now".to_owned(),
            delay: delay.map(|delay| delay * SECOND)
        }),
        Just(AttemptEnd::Failed("never".to_owned())),
        Just(AttemptEnd::Cancelled),
        Just(AttemptEnd::Released),
    ]
}
