//! Guests that misuse clocks, timers and randomness.

use crate::hostile::case::Drive::Chat;
use crate::hostile::case::Expect::{Contained, Fails};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::Time, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 3] = [
    case(
        "clock-probe",
        Chat(&["go on"]),
        Contained,
        "measures how fine the clocks are, and computes times that overflow",
    ),
    case(
        "random-flood",
        Chat(&["go on"]),
        Fails(&["cpu_time_max", "wall_time_max"]),
        "takes random bytes forever",
    ),
    case(
        "blocking-sleep",
        Chat(&["go on"]),
        Fails(&["wall_time_max"]),
        "tries to block its thread by sleeping",
    ),
];
