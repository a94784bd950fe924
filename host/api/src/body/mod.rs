//! Bodies: requests are read within their bounds, answers leave while they are made.

pub(crate) mod answer_stream;
pub(crate) mod depth;
pub(crate) mod held;
pub(crate) mod pace;
pub(crate) mod read;
pub(crate) mod unread;
