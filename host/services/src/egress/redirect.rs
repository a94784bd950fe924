//! Where a redirect leads, and which parts of the request follow it.

use bytes::Bytes;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE,
    HeaderMap, HeaderName, LOCATION,
};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::egress::destination::join;
use crate::egress::error::EgressError;

/// One request, possibly after redirects.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether a redirect has changed its scheme, host or port: from then on no secret is sent.
    pub(crate) is_elsewhere: bool,
}

impl Hop {
    /// The request that a redirect leads to; `None` if the response is not a redirect.
    ///
    /// # Errors
    /// It leads to an invalid address.
    pub(crate) fn next(
        &self,
        status: StatusCode,
        answer: &HeaderMap,
    ) -> Result<Option<Hop>, EgressError> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = answer.get(LOCATION) else {
            return Ok(None);
        };
        let location = location.to_str().map_err(|_| {
            EgressError::Address("a redirect has characters that no address may have".to_owned())
        })?;
        let url = join(&self.url, location).map_err(|_| {
            EgressError::Address("a redirect leads to an invalid address".to_owned())
        })?;
        let mut next = Hop {
            url,
            ..self.clone()
        };
        if drops_body(status, &self.method) {
            next.method = if self.method == Method::HEAD {
                Method::HEAD
            } else {
                Method::GET
            };
            next.body = Bytes::new();
            remove(
                &mut next.headers,
                &[
                    CONTENT_TYPE,
                    CONTENT_ENCODING,
                    CONTENT_LANGUAGE,
                    CONTENT_LOCATION,
                ],
            );
        }
        if next.url.origin() != self.url.origin() {
            next.is_elsewhere = true;
            remove(&mut next.headers, &[AUTHORIZATION, COOKIE]);
        }
        Ok(Some(next))
    }
}

/// RFC 9110, 15.4: 303 asks for a GET, and after a POST so do 301 and 302.
fn drops_body(status: StatusCode, method: &Method) -> bool {
    let moved = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND);
    status == StatusCode::SEE_OTHER || (moved && *method == Method::POST)
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method) -> Hop {
        let mut headers = HeaderMap::new();
        for name in [AUTHORIZATION, COOKIE, CONTENT_TYPE] {
            headers.insert(name, "x".parse().unwrap());
        }
        let url = "https://a.example/one".parse().unwrap();
        Hop {
            method,
            url,
            headers,
            body: Bytes::from_static(b"body"),
            is_elsewhere: false,
        }
    }

    fn next(method: Method, status: u16, location: &str) -> Hop {
        let answer = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        hop(method)
            .next(StatusCode::from_u16(status).unwrap(), &answer)
            .unwrap()
            .unwrap()
    }

    #[test]
    fn the_method_follows_the_status() {
        for (method, status, becomes, keeps_body) in [
            (Method::POST, 301, Method::GET, false),
            (Method::POST, 302, Method::GET, false),
            (Method::POST, 303, Method::GET, false),
            (Method::PUT, 303, Method::GET, false),
            (Method::HEAD, 303, Method::HEAD, false),
            (Method::PUT, 301, Method::PUT, true),
            (Method::POST, 307, Method::POST, true),
            (Method::POST, 308, Method::POST, true),
        ] {
            let next = next(method.clone(), status, "/two");
            assert_eq!(
                (next.method, !next.body.is_empty()),
                (becomes, keeps_body),
                "{method} {status}"
            );
            assert_eq!(next.headers.contains_key(CONTENT_TYPE), keeps_body);
        }
    }

    #[test]
    fn credentials_stay_with_scheme_host_and_port() {
        for location in [
            "/two",
            "https://a.example/two",
            "https://A.example:443/two",
            "//a.example/two",
        ] {
            let next = next(Method::GET, 302, location);
            assert!(
                next.headers.contains_key(AUTHORIZATION)
                    && next.headers.contains_key(COOKIE)
                    && !next.is_elsewhere,
                "{location}"
            );
        }
        for location in [
            "http://a.example/two",
            "https://b.example/two",
            "https://a.example:8443/",
            "//b.example/",
            "https://sub.a.example/",
        ] {
            let next = next(Method::GET, 307, location);
            assert!(
                !next.headers.contains_key(AUTHORIZATION)
                    && !next.headers.contains_key(COOKIE)
                    && next.is_elsewhere,
                "{location}"
            );
        }
    }

    #[test]
    fn what_is_no_redirect_is_an_answer_and_a_bad_one_an_error() {
        let to =
            |location: &'static str| HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        assert!(
            hop(Method::GET)
                .next(StatusCode::OK, &to("/x"))
                .unwrap()
                .is_none()
        );
        assert!(
            hop(Method::GET)
                .next(StatusCode::NOT_MODIFIED, &to("/x"))
                .unwrap()
                .is_none()
        );
        assert!(
            hop(Method::GET)
                .next(StatusCode::FOUND, &HeaderMap::new())
                .unwrap()
                .is_none()
        );
        for location in [
            "file:///etc/passwd",
            "javascript:1",
            "https://user@b.example/",
            "https://b.example./",
        ] {
            assert!(
                hop(Method::GET)
                    .next(StatusCode::FOUND, &to(location))
                    .is_err(),
                "{location}"
            );
        }
    }
}
