//! Reads a request's body within its bounds.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::StreamExt;
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::server::ServerSettings;

use crate::pace::{Pace, TooSlow};

/// Why a body is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error(
        "the body is longer than body_bytes_max, {max} bytes: send less, or ask the operator to raise it"
    )]
    TooLong { max: usize },
    #[error("the body did not arrive within body_read_timeout, {} ms: send it faster, or in smaller pieces", timeout.as_millis())]
    TooSlow { timeout: Duration },
    #[error(transparent)]
    Pace(#[from] TooSlow),
    #[error("the body is not UTF-8 from byte {at} on: send JSON in UTF-8")]
    NotText { at: usize },
    #[error("the body broke off: {0}")]
    BrokeOff(#[source] axum::Error),
}

impl BodyError {
    /// The limit that was reached, where one is the reason.
    pub(crate) fn limit(&self) -> Option<LimitName> {
        match self {
            BodyError::TooLong { .. } => Some(LimitName::BodyBytesMax),
            BodyError::TooSlow { .. } => Some(LimitName::BodyReadTimeout),
            BodyError::Pace(error) => Some(error.limit()),
            BodyError::NotText { .. } | BodyError::BrokeOff(_) => None,
        }
    }
}

/// The whole body as text, copied once.
///
/// # Errors
/// It is too long, too slow, or no text.
pub(crate) async fn read(body: Body, config: &ServerSettings) -> Result<String, BodyError> {
    let timeout = config.body_read_timeout;
    let bytes = tokio::time::timeout(timeout, collect(body, config)).await;
    let bytes = bytes.unwrap_or(Err(BodyError::TooSlow { timeout }))?;
    String::from_utf8(bytes).map_err(|error| BodyError::NotText {
        at: error.utf8_error().valid_up_to(),
    })
}

async fn collect(body: Body, config: &ServerSettings) -> Result<Vec<u8>, BodyError> {
    let max = config.body_bytes_max;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    // A client that is still sending may not see an answer before it is done, so what is a little
    // too long is read and thrown away.
    let read_max = max.saturating_mul(2);
    if announced > read_max {
        return Err(BodyError::TooLong { max });
    }
    let mut bytes = Vec::with_capacity(announced.min(max));
    let mut read = 0usize;
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
        match read {
            _ if read > read_max => break,
            _ if read > max => bytes = Vec::new(),
            _ => bytes.extend_from_slice(&piece),
        }
    }
    if read > max {
        Err(BodyError::TooLong { max })
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    fn config(body_bytes_max: usize) -> ServerSettings {
        ServerSettings {
            body_bytes_max,
            body_read_timeout: Duration::from_millis(20),
            ..ServerSettings::default()
        }
    }

    fn pieces<const N: usize>(pieces: [&'static [u8]; N]) -> Body {
        Body::from_stream(stream::iter(
            pieces.map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece))),
        ))
    }

    #[tokio::test]
    async fn the_limit_holds_to_the_byte_announced_or_not() {
        assert_eq!(
            read(Body::from("12345"), &config(5)).await.unwrap(),
            "12345"
        );
        assert_eq!(
            read(pieces([b"123", b"45"]), &config(5)).await.unwrap(),
            "12345"
        );
        for body in [
            Body::from("123456"),
            Body::from("1".repeat(99)),
            pieces([b"123", b"456"]),
            pieces([b"123"; 9]),
        ] {
            assert!(matches!(
                read(body, &config(5)).await,
                Err(BodyError::TooLong { max: 5 })
            ));
        }
    }

    #[tokio::test]
    async fn a_body_that_stands_still_is_given_up() {
        let endless = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert!(matches!(
            read(endless, &config(5)).await,
            Err(BodyError::TooSlow { .. })
        ));
    }

    #[tokio::test]
    async fn what_is_no_text_says_from_where() {
        let error = read(pieces([b"abc\xff"]), &config(9)).await.unwrap_err();
        assert!(matches!(error, BodyError::NotText { at: 3 }), "{error}");
    }
}
