//! Values far out of bounds, through each host function.

use crate::hostile::case::Drive::{Chat, Files, Job};
use crate::hostile::case::Expect::{Contained, Fails};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::HostCalls, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 11] = [
    case(
        "huge-send",
        Chat(&["text", "reasoning", "event", "fields", "tool-call"]),
        Contained,
        "one chunk as large as its memory",
    ),
    case(
        "huge-generate",
        Chat(&["one", "many", "parts"]),
        Contained,
        "a huge message to a model, and hundreds of thousands of small ones",
    ),
    case(
        "huge-options",
        Chat(&["extra", "deep", "format", "tools", "model", "broken"]),
        Contained,
        "options that are huge, deep or no JSON",
    ),
    case(
        "huge-embed",
        Chat(&["one", "many"]),
        Contained,
        "vectors of a huge text, and of a million",
    ),
    case(
        "huge-log",
        Chat(&["go on"]),
        Contained,
        "logs, notes and reports as large as its memory",
    ),
    case(
        "huge-state",
        Chat(&["key", "value", "prefix", "get", "ttl"]),
        Contained,
        "keys, values, prefixes and lifetimes out of bounds",
    ),
    case(
        "state-flood",
        Chat(&["go on"]),
        Contained,
        "fills its state until it is refused",
    ),
    case(
        "huge-job",
        Chat(&["kind", "data", "deep", "not-json", "key", "times"]),
        Contained,
        "jobs whose every part is out of bounds",
    ),
    case(
        "huge-checkpoint",
        Job,
        Contained,
        "checkpoints that are huge, deep and no JSON",
    ),
    case(
        "huge-read",
        Files,
        Contained,
        "reads four gibibytes of a file at once, all files together",
    ),
    case(
        "huge-random",
        Chat(&["go on"]),
        Fails(&[]),
        "all the random bytes there are",
    ),
];
