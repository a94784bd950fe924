//! Bodies: requests are read within their limits, answers leave while they are made.

pub(crate) mod answer_stream;
pub(crate) mod depth;
pub(crate) mod encoding;
pub(crate) mod form;
pub(crate) mod guarded;
pub(crate) mod held;
pub(crate) mod long_work;
mod outside_strings;
pub(crate) mod pace;
pub(crate) mod parsing;
pub(crate) mod read;
pub(crate) mod text_answer;
mod unparsed;
pub(crate) mod unread;
