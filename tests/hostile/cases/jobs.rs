//! Guests that misuse the queue.

use crate::hostile::case::Drive::{Chat, Job, Watch};
use crate::hostile::case::Expect::{Contained, Fails};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::Jobs, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 9] = [
    case(
        "job-fork-bomb",
        Watch,
        Contained,
        "every job submits two more",
    ),
    case(
        "job-waits-for-itself",
        Job,
        Fails(&[]),
        "waits for its own end",
    ),
    case(
        "job-cancels-itself",
        Job,
        Contained,
        "cancels itself and still returns a result",
    ),
    case(
        "job-result-not-json",
        Job,
        Fails(&["JSON"]),
        "returns a result that is not JSON",
    ),
    case(
        "job-result-huge",
        Job,
        Fails(&["are allowed", "host_call_bytes_max"]),
        "returns a result of ten mebibytes",
    ),
    case(
        "job-result-deep",
        Job,
        Contained,
        "returns a result nested a hundred thousand levels deep",
    ),
    case(
        "job-error-huge",
        Job,
        Fails(&[]),
        "fails with ten mebibytes of forged text, again and again",
    ),
    case(
        "job-list-bomb",
        Chat(&["go on"]),
        Contained,
        "lists jobs with large results four hundred times at once",
    ),
    case(
        "job-names",
        Chat(&["go on"]),
        Contained,
        "uses kinds and keys that imitate paths, log lines and SQL statements",
    ),
];
