//! `GET /openapi.json`: what every route takes and answers, for people, programs and the tests that
//! hold the server to it.

use axum::Router;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::get;

use crate::state::ApiState;

/// Written by hand: a generator sees the types of a handler, and neither its statuses nor its
/// reasons.
const DOCUMENT: &str = include_str!("document.json");

/// The routes of this protocol.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new().route("/openapi.json", get(document))
}

async fn document() -> Response {
    let mut response = Response::new(Body::from(DOCUMENT));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => fields
                .iter()
                .for_each(|(name, value)| match value.as_str() {
                    Some(place) if name == "$ref" => drop(found.insert(place)),
                    _ => references(value, found),
                }),
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_component_is_used() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        for place in &used {
            assert!(
                document.pointer(place.trim_start_matches('#')).is_some(),
                "{place} leads nowhere"
            );
        }
        for (group, components) in document["components"].as_object().unwrap() {
            for name in components.as_object().unwrap().keys() {
                // What a frame of a stream is stands in no media type; schemes are named by
                // `security`.
                let is_spoken_of = group == "securitySchemes" || name == "ChatFrame";
                assert!(
                    is_spoken_of || used.contains(format!("#/components/{group}/{name}").as_str()),
                    "{group}/{name} is used nowhere"
                );
            }
        }
    }

    #[test]
    fn the_document_is_of_this_version() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let operations = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values());
        let ids: Vec<&str> = operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "an operationId is given twice: {ids:?}"
        );
    }
}
