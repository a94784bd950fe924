//! The forms of an answer that a client accepts.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Whether the client accepts server-sent events by name.
pub(crate) fn events(headers: &HeaderMap) -> bool {
    kinds(headers).any(|kind| kind.eq_ignore_ascii_case("text/event-stream"))
}

/// Whether the client accepts JSON and nothing else.
pub(crate) fn only_json(headers: &HeaderMap) -> bool {
    let mut kinds = kinds(headers).peekable();
    kinds.peek().is_some() && kinds.all(|kind| kind.eq_ignore_ascii_case("application/json"))
}

fn kinds(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let kinds = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    kinds.filter_map(|kind| Some(kind.split(';').next()?.trim()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_header_says_which_form_a_client_gets() {
        for (accept, expected) in [
            ("*/*", (false, false)),
            ("text/event-stream", (true, false)),
            ("text/plain, TEXT/event-stream;q=0.5", (true, false)),
            ("text/event", (false, false)),
            ("Application/JSON; charset=utf-8", (false, true)),
            ("application/json, */*", (false, false)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            let found = (events(&headers), only_json(&headers));
            assert_eq!(found, expected, "{accept}");
        }
        assert!(!only_json(&HeaderMap::new()));
    }
}
