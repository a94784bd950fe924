//! What a client says in the path and the query, and the errors about it.

use std::error::Error;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::wire::times::duration;

/// The parameters of the path, all of them text.
pub(crate) struct PathParams<T>(pub(crate) T);

/// The parameters of the query.
pub(crate) struct QueryParams<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathParams<T>, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(params)) => Ok(PathParams(params)),
            Err(_) => Err(ApiError::path_not_utf8()),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<QueryParams<T>, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(QueryParams(params)),
            Err(error) => {
                // The source says what is wrong; the error only says where.
                let why = error
                    .source()
                    .map_or(error.to_string(), ToString::to_string);
                Err(ApiError::invalid(
                    format!("the query is wrong: {why}"),
                    None,
                ))
            }
        }
    }
}

/// The value of a parameter that takes one of a few names.
///
/// # Errors
/// The text is not one of `names`.
pub(crate) fn one_of<T, const N: usize>(
    param: &'static str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    names: [&str; N],
) -> Result<Option<T>, ApiError> {
    let parsed = text.map(|text| {
        parse(text).ok_or_else(|| {
            let names = names.join(", ");
            ApiError::invalid(
                format!("'{param}' is invalid: use one of {names}"),
                Some(param),
            )
        })
    });
    parsed.transpose()
}

/// The parameter `before`: where the next page of a list begins.
///
/// # Errors
/// The text is not an id.
pub(crate) fn cursor<T>(
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let parsed = text.map(|text| {
        parse(text).ok_or_else(|| {
            ApiError::invalid(
                "'before' is not an id: send the 'next' of the previous page",
                Some("before"),
            )
        })
    });
    parsed.transpose()
}

/// A duration in seconds.
///
/// # Errors
/// The number is negative or too large.
pub(crate) fn seconds(
    param: &'static str,
    value: Option<f64>,
) -> Result<Option<Duration>, ApiError> {
    let parsed = value.map(|value| {
        duration(value).ok_or_else(|| {
            ApiError::invalid(
                format!("'{param}' is {value}: send a number of seconds from 0 on"),
                Some(param),
            )
        })
    });
    parsed.transpose()
}
