//! Who takes memory: its own, and the host's.

use crate::hostile::case::Component::Guest;
use crate::hostile::case::Drive::{Chat, Crowd};
use crate::hostile::case::Expect::{Contained, Fails};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const ENDED: &[&str] = &["memory_bytes_max", "cpu_time_max", "wall_time_max"];
const NONE: &[&str] = &[];
const GO_ON: &[&str] = &["go on"];

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::Memory, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 11] = [
    case(
        "memory-bomb",
        Chat(GO_ON),
        Fails(ENDED),
        "takes a mebibyte after the other",
    )
    .by(Guest("memory-bomb")),
    case(
        "memory-crowd",
        Crowd(16),
        Contained,
        "sixteen at once that take all they may",
    )
    .by(Guest("memory-bomb")),
    case(
        "slow-leak",
        Chat(GO_ON),
        Fails(ENDED),
        "leaks a mebibyte every other millisecond",
    ),
    case(
        "small-allocations",
        Chat(GO_ON),
        Fails(ENDED),
        "takes sixteen bytes at a time",
    ),
    case(
        "generation-bomb",
        Chat(GO_ON),
        Fails(NONE),
        "starts generations and keeps them all",
    ),
    case(
        "pollable-bomb",
        Chat(GO_ON),
        Fails(NONE),
        "makes timers of WASI's and keeps them all",
    ),
    case(
        "timer-bomb",
        Chat(GO_ON),
        Contained,
        "a million sleeps at once",
    ),
    case(
        "call-fan-out",
        Chat(GO_ON),
        Contained,
        "a hundred thousand reads of a mebibyte at once",
    ),
    case(
        "stack-overflow",
        Chat(GO_ON),
        Fails(&["stack"]),
        "calls itself until its stack is full",
    )
    .by(Guest("stack-overflow")),
    case(
        "deep-host-recursion",
        Chat(GO_ON),
        Fails(&["stack"]),
        "recurses with a host call at every level",
    ),
    case(
        "bulk-crowd",
        Crowd(16),
        Contained,
        "sixteen at once that copy and fill 24 MiB forever",
    )
    .by(crate::hostile::case::Component::Hostile("bulk-memory")),
];
