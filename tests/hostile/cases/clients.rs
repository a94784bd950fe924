//! Clients that attack the host with their requests; the plugin is harmless.

use crate::hostile::case::Component::Guest;
use crate::hostile::case::Drive::Bodies;
use crate::hostile::case::Expect::Fails;
use crate::hostile::case::{Case, Theme};

/// The cases.
pub const CASES: [Case; 1] = [Case::of(
    Theme::Clients,
    "long-bodies",
    Bodies,
    Fails(&["there is no pipeline", "client_bodies_bytes_max"]),
    "four clients send bodies of 30 MiB to a pipeline that is missing",
)
.by(Guest("echo-relay"))];
