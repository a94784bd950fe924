//! Who looks for what no guest may reach.

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
        "files, folders, environment and network, through Rust's library",
    )
    .by(Guest("ambient")),
    case(
        "wasi-probe",
        Chat(&["go on"]),
        Contained,
        "the same through WASI itself: sockets, names, folders, input",
    ),
    case(
        "reads-input",
        Chat(&["go on"]),
        Contained,
        "input, files of the host, and links to them",
    ),
    case(
        "ungranted-import",
        Deploy,
        Refused(&["evil:host/backdoor"]),
        "imports what no host offers",
    )
    .by(Guest("ungranted-import")),
];
