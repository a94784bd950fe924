//! Whether an upstream takes `stream_options`, which asks for the usage of a streamed answer. Older
//! servers refuse a field they do not know (Mistral with a 422), so they are asked without it.

use std::sync::atomic::{AtomicU8, Ordering};

use hayrick_types::failure::Failure;
use reqwest::StatusCode;

use crate::llm::openai::request::AskUsage;

const UNKNOWN: u8 = 0;
const TAKEN: u8 = 1;
const REFUSED: u8 = 2;

/// What is known of one upstream.
#[derive(Default)]
pub(crate) struct UsageTaken(AtomicU8);

/// An attempt that failed.
pub(crate) struct Refused {
    pub(crate) failure: Failure,
    pub(crate) blame: Blame,
}

/// Whether a refusal may be due to `stream_options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// It names the field.
    Named,
    /// It complains of the body's form, and not every server says of what.
    Possible,
    No,
}

impl Blame {
    /// What an error response says.
    pub(crate) fn of(status: StatusCode, body: &[u8]) -> Blame {
        let names = || {
            let mut windows = body.windows(b"stream_options".len());
            windows.any(|window| window == b"stream_options")
        };
        match status.as_u16() {
            400 | 422 if names() => Blame::Named,
            422 => Blame::Possible,
            _ => Blame::No,
        }
    }
}

impl UsageTaken {
    /// How the next request is sent.
    pub(crate) fn ask(&self) -> AskUsage {
        match self.0.load(Ordering::Relaxed) {
            REFUSED => AskUsage::No,
            _ => AskUsage::Yes,
        }
    }

    /// A request that was sent like this was accepted.
    pub(crate) fn learn(&self, ask: AskUsage) {
        let state = match ask {
            AskUsage::Yes => TAKEN,
            AskUsage::No => REFUSED,
        };
        if self.0.load(Ordering::Relaxed) != state {
            self.0.store(state, Ordering::Relaxed);
        }
    }

    /// Whether the same request may succeed without `stream_options`.
    pub(crate) fn may_be_why(&self, refused: &Refused) -> bool {
        match refused.blame {
            Blame::Named => true,
            Blame::Possible => self.0.load(Ordering::Relaxed) == UNKNOWN,
            Blame::No => false,
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused {
            failure,
            blame: Blame::No,
        }
    }
}
