//! Guests that take memory: their own and the host's.

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
        "allocates one mebibyte at a time",
    )
    .by(Guest("memory-bomb")),
    case(
        "memory-crowd",
        Crowd(16),
        Contained,
        "sixteen concurrent runs that take all the memory they can",
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
        "allocates sixteen bytes at a time",
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
        "creates WASI timers and keeps them all",
    ),
    case(
        "timer-bomb",
        Chat(GO_ON),
        Contained,
        "starts a million concurrent sleeps",
    ),
    case(
        "call-fan-out",
        Chat(GO_ON),
        Contained,
        "reads one mebibyte a hundred thousand times concurrently",
    ),
    case(
        "stack-overflow",
        Chat(GO_ON),
        Fails(&["stack"]),
        "recurses until its stack overflows",
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
        "sixteen concurrent runs that copy and fill 24 MiB forever",
    )
    .by(crate::hostile::case::Component::Hostile("bulk-memory")),
];
