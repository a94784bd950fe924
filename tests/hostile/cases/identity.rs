//! Guests that impersonate others or try to see their data.

use crate::hostile::case::Drive::{Canary, Chat, Files, Victim};
use crate::hostile::case::Expect::{Contained, Fails};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::Identity, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 6] = [
    case(
        "state-thief",
        Victim,
        Contained,
        "looks for another plugin's state under every spelling of its keys",
    ),
    case(
        "job-thief",
        Victim,
        Contained,
        "reads and cancels another plugin's job, whose id it knows",
    ),
    case(
        "forged-uploads",
        Files,
        Fails(&[]),
        "guesses the handles of files",
    ),
    case(
        "upload-names",
        Files,
        Contained,
        "gets files whose names climb out of their folder",
    ),
    case(
        "log-forger",
        Chat(&["go on"]),
        Contained,
        "writes lines that imitate other log lines",
    ),
    case(
        "canary",
        Canary,
        Contained,
        "looks for what earlier runs left in memory",
    ),
];
