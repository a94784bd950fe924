//! Reads the body of a request within its limits.

use std::io;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use bytes::Bytes;
use futures_util::StreamExt;
use hayrick_services::byte_shares::{Full, Share};
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::server::ServerSettings;

use crate::body::encoding::{Decoder, NotTaken, Pushed};
use crate::body::pace::{Pace, TooSlow};

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error(
        "the body is longer than {max} bytes (body_bytes_max): send less, or ask the operator to \
         raise the limit"
    )]
    TooLong { max: usize },
    #[error("the body did not arrive within {} ms (body_read_timeout): send it faster, or send \
        less", timeout.as_millis())]
    TooSlow { timeout: Duration },
    #[error(transparent)]
    NoRoom(#[from] Full),
    #[error(transparent)]
    Pace(#[from] TooSlow),
    #[error("the body is not UTF-8 at byte {at}: send JSON in UTF-8")]
    NotText { at: usize },
    #[error(transparent)]
    Encoding(#[from] NotTaken),
    #[error("the body cannot be decompressed as its Content-Encoding says ({0}): send it again")]
    Encoded(#[source] io::Error),
    #[error("the body broke off: {0}")]
    BrokeOff(#[source] axum::Error),
}

impl BodyError {
    /// The limit that was reached, where one is the reason.
    pub(crate) fn limit(&self) -> Option<LimitName> {
        match self {
            BodyError::TooLong { .. } => Some(LimitName::BodyBytesMax),
            BodyError::TooSlow { .. } => Some(LimitName::BodyReadTimeout),
            BodyError::NoRoom(full) => Some(full.limit),
            BodyError::Pace(error) => Some(error.limit()),
            BodyError::NotText { .. }
            | BodyError::BrokeOff(_)
            | BodyError::Encoding(_)
            | BodyError::Encoded(_) => None,
        }
    }
}

/// A text may begin with it; it is not part of a JSON document.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The whole body as text: decompressed, without a byte order mark. It counts in `held`.
///
/// # Errors
/// The body is too long, too slow, not UTF-8, or not encoded as it says, or the shares of
/// memory are used up.
pub(crate) async fn text(
    headers: &HeaderMap,
    body: Body,
    config: &ServerSettings,
    held: &mut Share,
) -> Result<String, BodyError> {
    let timeout = config.body_read_timeout;
    let bytes = tokio::time::timeout(timeout, collect(headers, body, config, held)).await;
    let bytes = bytes.unwrap_or(Err(BodyError::TooSlow { timeout }))?;
    let mut text = String::from_utf8(bytes).map_err(|error| BodyError::NotText {
        at: error.utf8_error().valid_up_to(),
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

async fn collect(
    headers: &HeaderMap,
    body: Body,
    config: &ServerSettings,
    held: &mut Share,
) -> Result<Vec<u8>, BodyError> {
    let max = config.body_bytes_max;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    // A client may not read the response before it has sent everything, so a body that is a little
    // too long is read and discarded.
    let read_max = max.saturating_mul(2);
    if announced > read_max {
        return Err(BodyError::TooLong { max });
    }
    let mut decoder = Decoder::new(headers, announced.min(max), max)?;
    let (mut read, mut is_too_long) = (0usize, false);
    let mut pieces = body.into_data_stream();
    let mut pace = Pace::new(
        config.body_stall_timeout,
        LimitName::BodyStallTimeout,
        config.body_rate_min,
    );
    while let Some(piece) = pace
        .next(pieces.next(), |piece| {
            piece
                .as_ref()
                .and_then(|piece| piece.as_ref().ok())
                .map_or(0, Bytes::len)
        })
        .await?
    {
        let piece = piece.map_err(BodyError::BrokeOff)?;
        read = read.saturating_add(piece.len());
        if read > read_max {
            return Err(BodyError::TooLong { max });
        }
        if !is_too_long {
            let pushed = decoder.push(&piece).map_err(BodyError::Encoded)?;
            is_too_long = matches!(pushed, Pushed::TooLong);
            held.grow_to(decoder.plain_bytes() as u64)?;
        }
    }
    let whole = if is_too_long {
        None
    } else {
        decoder.finish().map_err(BodyError::Encoded)?
    };
    whole.ok_or(BodyError::TooLong { max })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use hayrick_services::byte_shares::ByteShares;

    use super::*;

    fn config(body_bytes_max: usize) -> ServerSettings {
        ServerSettings {
            body_bytes_max,
            body_read_timeout: Duration::from_millis(20),
            ..ServerSettings::default()
        }
    }

    async fn text(
        headers: &HeaderMap,
        body: Body,
        config: &ServerSettings,
    ) -> Result<String, BodyError> {
        let mut held = ByteShares::default().open(Vec::new());
        super::text(headers, body, config, &mut held).await
    }

    fn pieces<const N: usize>(pieces: [&'static [u8]; N]) -> Body {
        Body::from_stream(stream::iter(
            pieces.map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece))),
        ))
    }

    #[tokio::test]
    async fn the_limit_is_exact_with_and_without_a_content_length() {
        assert_eq!(
            text(&HeaderMap::new(), Body::from("12345"), &config(5))
                .await
                .unwrap(),
            "12345"
        );
        assert_eq!(
            text(&HeaderMap::new(), pieces([b"123", b"45"]), &config(5))
                .await
                .unwrap(),
            "12345"
        );
        for body in [
            Body::from("123456"),
            Body::from("1".repeat(99)),
            pieces([b"123", b"456"]),
            pieces([b"123"; 9]),
        ] {
            assert!(matches!(
                text(&HeaderMap::new(), body, &config(5)).await,
                Err(BodyError::TooLong { max: 5 })
            ));
        }
    }

    #[tokio::test]
    async fn a_body_that_stalls_is_given_up() {
        let endless = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert!(matches!(
            text(&HeaderMap::new(), endless, &config(5)).await,
            Err(BodyError::TooSlow { .. })
        ));
    }

    #[tokio::test]
    async fn text_that_is_not_utf8_is_refused_with_its_place() {
        let error = text(&HeaderMap::new(), pieces([b"abc\xff"]), &config(9))
            .await
            .unwrap_err();
        assert!(matches!(error, BodyError::NotText { at: 3 }), "{error}");
    }
}
