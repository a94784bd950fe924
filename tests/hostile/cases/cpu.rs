//! Guests that take the processor.

use crate::hostile::case::Component::Guest;
use crate::hostile::case::Drive::{Chat, Clients, Crowd, Deploy, Files, HangUp, Job, Stream};
use crate::hostile::case::Expect::{Answers, Contained, Fails, Refused};
use crate::hostile::case::{Case, Theme};

const CPU: &[&str] = &["cpu_time_max", "wall_time_max"];
const NONE: &[&str] = &[];
const GO_ON: &[&str] = &["go on"];

const fn case(
    name: &'static str,
    drive: crate::hostile::case::Drive,
    expect: crate::hostile::case::Expect,
    tries: &'static str,
) -> Case {
    Case::of(Theme::Cpu, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 13] = [
    case(
        "spin-in-setup",
        Deploy,
        Refused(&["setup_time_max", "cpu_time_max"]),
        "never ends its setup",
    )
    .by(Guest("spin-in-setup")),
    case("spin-in-chat", Chat(GO_ON), Fails(CPU), "computes forever").by(Guest("spin-in-chat")),
    case(
        "spin-after-first-chunk",
        Stream,
        Fails(CPU),
        "computes forever after its first chunk",
    )
    .by(Guest("spin-after-first-chunk")),
    case(
        "spin-in-files",
        Files,
        Fails(NONE),
        "computes forever instead of reading files",
    ),
    case("spin-in-job", Job, Fails(NONE), "computes forever in a job"),
    case(
        "never-yields-in-setup-of-a-run",
        Chat(GO_ON),
        Fails(CPU),
        "finishes its setup at deploy, and never again",
    ),
    case(
        "spinning-crowd",
        Crowd(32),
        Contained,
        "thirty-two runs that compute forever",
    )
    .by(Guest("spin-in-chat")),
    case(
        "brief-spin",
        Clients(32),
        Answers("brief"),
        "thirty-two clients whose runs compute for four milliseconds each",
    ),
    case(
        "spin-and-hang-up",
        HangUp,
        Fails(NONE),
        "computes forever after its client has hung up",
    )
    .by(Guest("spin-after-first-chunk")),
    case(
        "host-call-storm",
        Chat(GO_ON),
        Fails(CPU),
        "makes cheap host calls forever",
    ),
    case(
        "async-call-storm",
        Chat(GO_ON),
        Fails(CPU),
        "awaits calls that are ready immediately, forever",
    ),
    case(
        "bulk-memory",
        Chat(GO_ON),
        Fails(CPU),
        "copies and fills 24 MiB forever, with one instruction each",
    ),
    case(
        "poll-bomb",
        Chat(GO_ON),
        Fails(NONE),
        "has the host poll two thousand timers, forever",
    ),
];
