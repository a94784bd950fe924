//! Reads the body of a request within its limits.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::StreamExt;
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::server::ServerSettings;

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
    Pace(#[from] TooSlow),
    #[error("the body is not UTF-8 at byte {at}: send JSON in UTF-8")]
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
/// The body is too long, too slow, or not UTF-8.
pub(crate) async fn text(body: Body, config: &ServerSettings) -> Result<String, BodyError> {
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
    // A client may not read the response before it has sent everything, so a body that is a little
    // too long is read and discarded.
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
    async fn the_limit_is_exact_with_and_without_a_content_length() {
        assert_eq!(
            text(Body::from("12345"), &config(5)).await.unwrap(),
            "12345"
        );
        assert_eq!(
            text(pieces([b"123", b"45"]), &config(5)).await.unwrap(),
            "12345"
        );
        for body in [
            Body::from("123456"),
            Body::from("1".repeat(99)),
            pieces([b"123", b"456"]),
            pieces([b"123"; 9]),
        ] {
            assert!(matches!(
                text(body, &config(5)).await,
                Err(BodyError::TooLong { max: 5 })
            ));
        }
    }

    #[tokio::test]
    async fn a_body_that_stalls_is_given_up() {
        let endless = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert!(matches!(
            text(endless, &config(5)).await,
            Err(BodyError::TooSlow { .. })
        ));
    }

    #[tokio::test]
    async fn text_that_is_not_utf8_is_refused_with_its_place() {
        let error = text(pieces([b"abc\xff"]), &config(9)).await.unwrap_err();
        assert!(matches!(error, BodyError::NotText { at: 3 }), "{error}");
    }
}
