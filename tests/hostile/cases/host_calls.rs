//! Values far out of range, through each host function.

use crate::hostile::case::Drive::{Chat, Files, Job};
use crate::hostile::case::Expect::{Contained, Fails};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::HostCalls, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 12] = [
    case(
        "huge-send",
        Chat(&["text", "reasoning", "event", "fields", "tool-call"]),
        Contained,
        "sends one chunk as large as its memory",
    ),
    case(
        "huge-generate",
        Chat(&["one", "many", "parts"]),
        Contained,
        "sends a model a huge message, or hundreds of thousands of small ones",
    ),
    case(
        "huge-options",
        Chat(&["extra", "deep", "format", "tools", "model", "broken"]),
        Contained,
        "passes options that are huge, deep or not JSON",
    ),
    case(
        "huge-embed",
        Chat(&["one", "many"]),
        Contained,
        "embeds one huge text, or a million empty ones",
    ),
    case(
        "held-calls",
        Chat(&["embed", "ids", "wait", "get"]),
        Contained,
        "starts hundreds of calls with large arguments or results, and computes meanwhile",
    ),
    case(
        "huge-log",
        Chat(&["go on"]),
        Contained,
        "logs, notes and reports texts as large as its memory",
    ),
    case(
        "huge-state",
        Chat(&["key", "value", "prefix", "get", "ttl"]),
        Contained,
        "passes keys, values, prefixes and lifetimes out of range",
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
        "submits jobs with each part out of range",
    ),
    case(
        "huge-checkpoint",
        Job,
        Contained,
        "leaves checkpoints that are huge, deep or not JSON",
    ),
    case(
        "huge-read",
        Files,
        Contained,
        "reads four gibibytes at once from every file",
    ),
    case(
        "huge-random",
        Chat(&["go on"]),
        Fails(&[]),
        "asks for more random bytes than fit in memory",
    ),
];
