//! Assembles the document once, when the server starts. Paths, methods, path parameters and the
//! errors of the gate come from the table of routes; summaries, bodies and schemas are written by
//! hand in the `openapi.json` of each protocol, since a generator sees the types of a handler, and
//! neither its statuses nor its reasons.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What all protocols share.
const BASE: &str = include_str!("base.json");
/// A request's line and headers can always be too long.
const ALWAYS: [u16; 1] = [431];
/// The refusals of the gate.
const OF_KEYS: [u16; 3] = [401, 403, 429];
/// A parameter of a path can break its rule.
const OF_PARAMETERS: [u16; 1] = [400];

/// The document cannot be assembled: the table of routes and the descriptions disagree.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("the description of a protocol is not as expected")]
    Json(#[from] serde_json::Error),
    #[error("the operation '{0}' is not described: add it to the openapi.json of its protocol")]
    Undescribed(String),
    #[error("no route has the operation '{0}': remove its description, or add the route")]
    Unused(String),
    #[error("the path parameter '{name}' of {path} is not described: add it to path_parameters")]
    Parameter { name: String, path: String },
    #[error("the operation '{operation}' has the undescribed error {status}: add it to base.json")]
    Status { operation: String, status: u16 },
}

/// One method of one path, as the table of routes has it.
pub(crate) struct DocumentedRoute {
    /// The key of its description.
    pub(crate) operation: &'static str,
    /// Its own id, which differs from the key for aliases.
    pub(crate) id: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) needs_key: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    openapi: Value,
    info: Map<String, Value>,
    servers: Value,
    security: Value,
    tags: Value,
    path_parameters: BTreeMap<String, String>,
    /// The response component of each status that is an error.
    errors: BTreeMap<u16, String>,
    components: Components,
}

type Components = BTreeMap<String, Map<String, Value>>;

/// The `openapi.json` of a protocol.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Protocol {
    tag: String,
    /// The component of each path parameter that the base does not have.
    #[serde(default)]
    path_parameters: BTreeMap<String, String>,
    operations: BTreeMap<String, Operation>,
    #[serde(default)]
    components: Components,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    summary: String,
    /// Headers and query; the path says which parameters it has.
    #[serde(default)]
    parameters: Vec<Value>,
    #[serde(rename = "requestBody")]
    request_body: Option<Value>,
    responses: Map<String, Value>,
    /// Statuses of errors that the base describes, beside those of the gate.
    #[serde(default)]
    errors: Vec<u16>,
}

/// The document of these routes, as JSON. `protocols` are the texts of their `openapi.json` files.
///
/// # Errors
/// A route has no description, or a description has no route.
pub(crate) fn assemble(
    routes: &[DocumentedRoute],
    protocols: &[&str],
) -> Result<Vec<u8>, DocumentError> {
    let mut base: Base = serde_json::from_str(BASE)?;
    let mut parsed = Vec::with_capacity(protocols.len());
    for text in protocols {
        let mut protocol: Protocol = serde_json::from_str(text)?;
        for (group, components) in std::mem::take(&mut protocol.components) {
            base.components.entry(group).or_default().extend(components);
        }
        parsed.push(protocol);
    }
    let mut unused: BTreeSet<&String> = parsed
        .iter()
        .flat_map(|protocol| protocol.operations.keys())
        .collect();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let (protocol, name, operation) = parsed
            .iter()
            .find_map(|protocol| {
                let (name, operation) = protocol.operations.get_key_value(route.operation)?;
                Some((protocol, name, operation))
            })
            .ok_or_else(|| DocumentError::Undescribed(route.operation.to_owned()))?;
        unused.remove(name);
        let operation = describe(route, operation, protocol, &base)?;
        let methods = paths.entry(route.path).or_default();
        methods.insert(route.method.to_ascii_lowercase(), operation);
    }
    if let Some(name) = unused.first() {
        return Err(DocumentError::Unused((*name).clone()));
    }
    base.info
        .insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    Ok(serde_json::to_vec_pretty(&json!({
        "openapi": base.openapi,
        "info": base.info,
        "servers": base.servers,
        "security": base.security,
        "tags": base.tags,
        "paths": paths,
        "components": base.components,
    }))?)
}

fn describe(
    route: &DocumentedRoute,
    operation: &Operation,
    protocol: &Protocol,
    base: &Base,
) -> Result<Value, DocumentError> {
    let mut parameters = path_parameters(route.path, protocol, base)?;
    let responses = responses(route, operation, !parameters.is_empty(), base)?;
    parameters.extend(operation.parameters.iter().cloned());
    let fields = [
        ("operationId", Some(route.id.into())),
        ("tags", Some(json!([protocol.tag]))),
        ("summary", Some(operation.summary.as_str().into())),
        (
            "parameters",
            (!parameters.is_empty()).then(|| parameters.into()),
        ),
        ("requestBody", operation.request_body.clone()),
        ("responses", Some(responses.into())),
        ("security", (!route.needs_key).then(|| json!([{}]))),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(Value::Object(fields.collect()))
}

/// References to the parameters in braces.
fn path_parameters(
    path: &str,
    protocol: &Protocol,
    base: &Base,
) -> Result<Vec<Value>, DocumentError> {
    let names = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let references = names.map(|name| {
        let component = protocol
            .path_parameters
            .get(name)
            .or_else(|| base.path_parameters.get(name))
            .ok_or_else(|| DocumentError::Parameter {
                name: name.to_owned(),
                path: path.to_owned(),
            })?;
        Ok(json!({"$ref": format!("#/components/parameters/{component}")}))
    });
    references.collect()
}

/// The responses of the operation, and references to its errors.
fn responses(
    route: &DocumentedRoute,
    operation: &Operation,
    has_parameters: bool,
    base: &Base,
) -> Result<Map<String, Value>, DocumentError> {
    let of_gate = OF_KEYS.iter().filter(|_| route.needs_key);
    let of_path = OF_PARAMETERS.iter().filter(|_| has_parameters);
    let errors = ALWAYS.iter().chain(of_gate).chain(of_path);
    let mut responses = operation.responses.clone();
    for status in errors.chain(&operation.errors) {
        let component = base
            .errors
            .get(status)
            .ok_or_else(|| DocumentError::Status {
                operation: route.operation.to_owned(),
                status: *status,
            })?;
        responses.insert(
            status.to_string(),
            json!({"$ref": format!("#/components/responses/{component}")}),
        );
    }
    Ok(responses)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOCOL: &str = r#"{"tag": "t", "operations": {"look": {"summary": "Looks.", "responses": {"200": {"description": "It."}}}}}"#;

    fn route(operation: &'static str, path: &'static str) -> DocumentedRoute {
        DocumentedRoute {
            operation,
            id: operation,
            method: "GET",
            path,
            needs_key: true,
        }
    }

    #[test]
    fn a_route_without_a_description_and_a_description_without_a_route_are_refused() {
        let cases = [
            (
                vec![route("look", "/x"), route("other", "/y")],
                "'other' is not described",
            ),
            (vec![], "no route has the operation 'look'"),
            (vec![route("look", "/{what}")], "'what' of /{what}"),
        ];
        for (routes, expected) in cases {
            let error = assemble(&routes, &[PROTOCOL]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn path_parameters_and_the_errors_of_the_gate_come_from_the_route() {
        let document = assemble(&[route("look", "/{pipeline}/x")], &[PROTOCOL]).unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        let operation = &document["paths"]["/{pipeline}/x"]["get"];
        assert_eq!(
            operation["parameters"],
            json!([{"$ref": "#/components/parameters/Pipeline"}])
        );
        let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        assert_eq!(statuses, ["200", "400", "401", "403", "429", "431"]);
    }
}
