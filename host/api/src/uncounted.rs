//! A limit that an answer is due to and that nobody has counted yet.

use hayrick_types::limit_name::LimitName;

/// Among an answer's extensions. The limits of runs are counted where runs end, since their
/// pipeline is known there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uncounted(pub(crate) LimitName);
