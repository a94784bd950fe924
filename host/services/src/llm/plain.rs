//! Undoes the compression of an upstream's body. The host asks for none, but some gateways compress
//! whatever they send.

use std::borrow::Cow;
use std::io::{self, Write};

use flate2::write::{MultiGzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// A body on its way from its compressed to its plain form.
pub(crate) enum Plain {
    AsSent,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Deflate(Box<ZlibDecoder<Vec<u8>>>),
}

impl Plain {
    /// What the headers of a response ask for.
    ///
    /// # Errors
    /// The encoding, if it is unknown.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Plain, String> {
        let encoding = headers
            .get(CONTENT_ENCODING)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
            .unwrap_or_default();
        match encoding.trim() {
            "" | "identity" => Ok(Plain::AsSent),
            "gzip" | "x-gzip" => Ok(Plain::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
            "deflate" => Ok(Plain::Deflate(Box::new(ZlibDecoder::new(Vec::new())))),
            other => Err(other.to_owned()),
        }
    }

    /// The plain form of the next piece. A piece of the network grows at most a thousandfold.
    ///
    /// # Errors
    /// It is not compressed as its header says.
    pub(crate) fn decode<'a>(&mut self, piece: &'a [u8]) -> io::Result<Cow<'a, [u8]>> {
        let plain = match self {
            Plain::AsSent => return Ok(Cow::Borrowed(piece)),
            Plain::Gzip(decoder) => {
                decoder.write_all(piece)?;
                // Without it, the decoder keeps what belongs to events that have come.
                decoder.flush()?;
                std::mem::take(decoder.get_mut())
            }
            Plain::Deflate(decoder) => {
                decoder.write_all(piece)?;
                decoder.flush()?;
                std::mem::take(decoder.get_mut())
            }
        };
        Ok(Cow::Owned(plain))
    }
}
