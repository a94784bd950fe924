//! What several protocols write and read alike: JSON responses and times.

pub(crate) mod json;
pub(crate) mod times;
