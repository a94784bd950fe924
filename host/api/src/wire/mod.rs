//! What several protocols read and write alike: parameters, JSON, times, progress and usage.

pub(crate) mod accept;
pub(crate) mod content_disposition;
pub(crate) mod file_name;
pub(crate) mod header_params;
pub(crate) mod json;
pub(crate) mod params;
pub(crate) mod progress;
pub(crate) mod times;
pub(crate) mod usage;
