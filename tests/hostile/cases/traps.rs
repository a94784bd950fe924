//! Guests that fail, at each point of a run.

use crate::hostile::case::Component::Guest;
use crate::hostile::case::Drive::{Chat, Crowd, Deploy, Files, Job, Stream};
use crate::hostile::case::Expect::{Contained, Fails, Refused};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const GO_ON: &[&str] = &["go on"];
const PANICKED: &[&str] = &["panicked"];

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::Traps, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 11] = [
    case(
        "panic-in-setup",
        Deploy,
        Refused(PANICKED),
        "panics in setup",
    )
    .by(Guest("panic-in-setup")),
    case(
        "fail-in-setup",
        Deploy,
        Refused(&["no database"]),
        "fails in setup",
    )
    .by(Guest("fail-in-setup")),
    case(
        "panic",
        Chat(GO_ON),
        Fails(PANICKED),
        "panics before its first chunk",
    )
    .by(Guest("panic")),
    case(
        "panic-crowd",
        Crowd(200),
        Fails(PANICKED),
        "two hundred panics at once",
    )
    .by(Guest("panic")),
    case(
        "panic-after-first-chunk",
        Stream,
        Fails(PANICKED),
        "panics after its first chunk",
    )
    .by(Guest("panic-after-first-chunk")),
    case("trap-in-job", Job, Fails(PANICKED), "panics in a job"),
    case(
        "trap-in-files",
        Files,
        Fails(&[]),
        "panics while it holds files",
    ),
    case(
        "trap-beside-calls",
        Chat(GO_ON),
        Fails(PANICKED),
        "panics while two hundred calls are waiting",
    ),
    case("exits", Stream, Fails(&[]), "tries to exit the process"),
    case(
        "next-twice",
        Chat(GO_ON),
        Contained,
        "uses a generation while it is in use",
    ),
    case(
        "forged-generations",
        Chat(GO_ON),
        Fails(&[]),
        "guesses the handle of a generation",
    ),
];
