//! Files that are no component, or one that no toolchain makes.

use crate::hostile::case::Component::Made;
use crate::hostile::case::Drive::Deploy;
use crate::hostile::case::Expect::Refused;
use crate::hostile::case::{Case, Theme};
use crate::hostile::forge;

/// The cases.
pub const CASES: [Case; 1] =
    [Case::of(Theme::Malformed, "empty-file", Deploy, Refused(&["empty"]), "no bytes at all").by(Made(forge::empty))];
