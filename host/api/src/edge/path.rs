//! Paths as clients build them: a base URL that ends in a slash and a route that begins with one
//! make two, and some clients end every path with one. They mean the same route.

use hyper::http::uri::PathAndQuery;
use hyper::{Request, Uri};

/// Marks a request whose path ended in a slash: what it is answered with is relative to that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedInSlash;

/// Removes empty segments from the path of a request.
pub(crate) fn tidy_request<B>(request: &mut Request<B>) {
    if let Some(uri) = tidy(request.uri()) {
        if request.uri().path().ends_with('/') {
            request.extensions_mut().insert(EndedInSlash);
        }
        *request.uri_mut() = uri;
    }
}

/// The same address without empty segments; `None` if it has none.
fn tidy(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.starts_with('/') || path == "/" || !(path.ends_with('/') || path.contains("//")) {
        return None;
    }
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut tidy = String::with_capacity(path.len());
    for segment in segments {
        tidy.push('/');
        tidy.push_str(segment);
    }
    if tidy.is_empty() {
        tidy.push('/');
    }
    if let Some(query) = uri.query() {
        tidy.push('?');
        tidy.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(tidy).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_segments_go_and_everything_else_stays() {
        let cases = [
            ("/", None),
            ("/a/b", None),
            ("/a%2F/b?x=//", None),
            ("*", None),
            ("/a/", Some("/a")),
            ("//a///b//?x=//&y", Some("/a/b?x=//&y")),
            ("//", Some("/")),
            ("http://h:1/a/", Some("http://h:1/a")),
        ];
        for (uri, expected) in cases {
            let found = tidy(&uri.parse().unwrap()).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{uri}");
        }
    }
}
