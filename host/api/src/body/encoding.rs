//! `Content-Encoding` of requests: JSON may come compressed; files and components come as they are.

use std::io::{self, Write};

use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use flate2::write::{MultiGzDecoder, ZlibDecoder};

/// The encodings that JSON may have, for `Accept-Encoding`.
pub(crate) const TAKEN: &str = "gzip, deflate";

/// A body may not be encoded like this.
#[derive(Debug, thiserror::Error)]
#[error(
    "the body has the content encoding '{found}', which is not taken here: send it as it is, or \
     JSON as {TAKEN}"
)]
pub(crate) struct NotTaken {
    found: String,
}

/// Refuses a body that is not sent as it is.
///
/// # Errors
/// It is compressed.
pub(crate) fn check_plain(headers: &HeaderMap) -> Result<(), NotTaken> {
    match of(headers)? {
        Encoding::Identity => Ok(()),
        Encoding::Gzip | Encoding::Deflate => Err(NotTaken {
            found: name(headers),
        }),
    }
}

enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

fn of(headers: &HeaderMap) -> Result<Encoding, NotTaken> {
    let found = name(headers);
    match found.as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "deflate" => Ok(Encoding::Deflate),
        _ => Err(NotTaken { found }),
    }
}

/// The encodings, in order, in lower case.
fn name(headers: &HeaderMap) -> String {
    const SHOWN_CHARS_MAX: usize = 64;
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let all: Vec<_> = values
        .map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .trim()
                .to_ascii_lowercase()
        })
        .collect();
    all.join(", ").chars().take(SHOWN_CHARS_MAX).collect()
}

/// What a piece did to the body.
#[derive(Debug)]
pub(crate) enum Pushed {
    Fits,
    /// The plain body is longer than its limit; what it had is gone.
    TooLong,
}

/// A body on its way to its plain form, which is bounded.
pub(crate) enum Decoder {
    Identity(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
    Deflate(Box<ZlibDecoder<Bounded>>),
}

/// Bytes up to a limit.
pub(crate) struct Bounded {
    bytes: Vec<u8>,
    max: usize,
    is_over: bool,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.is_over || self.bytes.len() + piece.len() > self.max {
            self.is_over = true;
            self.bytes = Vec::new();
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    /// A decoder of what the headers announce, for at most `max` plain bytes.
    ///
    /// # Errors
    /// The encoding is unknown.
    pub(crate) fn new(
        headers: &HeaderMap,
        capacity: usize,
        max: usize,
    ) -> Result<Decoder, NotTaken> {
        let bounded = Bounded {
            bytes: Vec::with_capacity(capacity),
            max,
            is_over: false,
        };
        Ok(match of(headers)? {
            Encoding::Identity => Decoder::Identity(bounded),
            Encoding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(bounded))),
            Encoding::Deflate => Decoder::Deflate(Box::new(ZlibDecoder::new(bounded))),
        })
    }

    /// Takes a piece. Nothing is kept beyond the limit, so a small body cannot become a large one.
    ///
    /// # Errors
    /// The body is not encoded as it says.
    pub(crate) fn push(&mut self, piece: &[u8]) -> io::Result<Pushed> {
        let pushed = match self {
            Decoder::Identity(bounded) => bounded.write_all(piece),
            Decoder::Gzip(decoder) => decoder.write_all(piece),
            Decoder::Deflate(decoder) => decoder.write_all(piece),
        };
        match pushed {
            Ok(()) => Ok(Pushed::Fits),
            Err(_) if self.bounded().is_over => Ok(Pushed::TooLong),
            Err(error) => Err(error),
        }
    }

    /// Bytes of the plain body so far.
    pub(crate) fn plain_bytes(&self) -> usize {
        self.bounded().bytes.len()
    }

    fn bounded(&self) -> &Bounded {
        match self {
            Decoder::Identity(bounded) => bounded,
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Deflate(decoder) => decoder.get_ref(),
        }
    }

    /// The plain body; `None` if it is too long after all.
    ///
    /// # Errors
    /// The encoded body is not whole.
    pub(crate) fn finish(self) -> io::Result<Option<Vec<u8>>> {
        let bounded = match self {
            Decoder::Identity(bounded) => bounded,
            Decoder::Gzip(mut decoder) => match decoder.try_finish() {
                Err(_) if decoder.get_ref().is_over => return Ok(None),
                finished => finished.and_then(|()| decoder.finish())?,
            },
            Decoder::Deflate(mut decoder) => match decoder.try_finish() {
                Err(_) if decoder.get_ref().is_over => return Ok(None),
                finished => finished.and_then(|()| decoder.finish())?,
            },
        };
        Ok((!bounded.is_over).then_some(bounded.bytes))
    }
}
