//! Guests that look for what they must not reach.

use crate::hostile::case::Component::Guest;
use crate::hostile::case::Drive::{Chat, Deploy};
use crate::hostile::case::Expect::{Contained, Refused};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::Ambient, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 4] = [
    case(
        "ambient",
        Chat(&["go on"]),
        Contained,
        "reaches for files, folders, environment and network through Rust's standard library",
    )
    .by(Guest("ambient")),
    case(
        "wasi-probe",
        Chat(&["go on"]),
        Contained,
        "does the same through WASI: sockets, name lookup, folders, input",
    ),
    case(
        "reads-input",
        Chat(&["go on"]),
        Contained,
        "reaches for input, files of the host, and links to them",
    ),
    case(
        "ungranted-import",
        Deploy,
        Refused(&["evil:host/backdoor"]),
        "imports an interface that the host does not offer",
    )
    .by(Guest("ungranted-import")),
];
