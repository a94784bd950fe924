//! Who tries to be somebody else, or to see what is somebody else's.

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
        "another plugin's state under every spelling of its keys",
    ),
    case(
        "job-thief",
        Victim,
        Contained,
        "another plugin's job, whose id it knows",
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
        "files whose names climb out of their folder",
    ),
    case(
        "log-forger",
        Chat(&["go on"]),
        Contained,
        "lines that try to be somebody else's",
    ),
    case(
        "canary",
        Canary,
        Contained,
        "looks for what earlier runs have left in memory",
    ),
];
