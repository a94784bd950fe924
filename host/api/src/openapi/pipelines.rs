//! The paths of pipelines that have an API, each with its own schemas.

use hayrick_runtime::api_description::ApiDescription;
use hayrick_runtime::schema::check::Schema;
use serde_json::{Map, Value, json};

/// The path that stands for all pipelines.
const ANY: &str = "/paths/~1{pipeline}~1run/post";

/// Adds the path of a pipeline to the document.
pub(super) fn add(document: &mut Value, name: &str, api: &ApiDescription) {
    let mut operation = document.pointer(ANY).cloned().unwrap_or_default();
    let input = component(document, &format!("{name}.input"), &api.input);
    let output = api
        .output
        .as_ref()
        .map(|output| component(document, &format!("{name}.output"), output));
    let Some(members) = operation.as_object_mut() else {
        return;
    };
    members.insert("operationId".to_owned(), format!("run_{name}").into());
    let title = api.title.as_deref().unwrap_or(name);
    members.insert("summary".to_owned(), title.into());
    if let Some(summary) = &api.summary {
        members.insert("description".to_owned(), summary.as_str().into());
    }
    if let Some(parameters) = members.get_mut("parameters").and_then(Value::as_array_mut) {
        // The path has no parameters of its own.
        parameters.retain(|parameter| parameter.get("$ref").is_none());
    }
    let kinds = members.pointer_mut("/requestBody/content");
    for kind in kinds.and_then(Value::as_object_mut).into_iter().flatten() {
        *kind.1 = json!({"schema": input});
    }
    let needed = api.input.document().get("required");
    if needed
        .and_then(Value::as_array)
        .is_some_and(|names| !names.is_empty())
        && let Some(body) = members
            .get_mut("requestBody")
            .and_then(Value::as_object_mut)
    {
        body.insert("required".to_owned(), true.into());
    }
    if let Some(output) = output
        && let Some(schema) = members.pointer_mut("/responses/200/content/application~1json/schema")
    {
        *schema =
            json!({"type": "object", "required": ["result"], "properties": {"result": output}});
    }
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        paths.insert(format!("/{name}/run"), json!({"post": operation}));
    }
}

trait Pointer {
    fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Value>;
}

impl Pointer for Map<String, Value> {
    /// As `Value::pointer_mut`, for the members of an object.
    fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Value> {
        let (first, rest) = pointer.strip_prefix('/')?.split_once('/')?;
        self.get_mut(first)?.pointer_mut(&format!("/{rest}"))
    }
}

/// Adds a schema as a component, and returns a reference to it.
fn component(document: &mut Value, name: &str, schema: &Schema) -> Value {
    let root = format!("#/components/schemas/{name}");
    let mut schema = schema.document().clone();
    relocate(&mut schema, &root);
    if let Some(schemas) = document.pointer_mut("/components/schemas") {
        schemas[name] = schema;
    }
    json!({"$ref": root})
}

/// Lets the references of a schema begin at its new place.
fn relocate(schema: &mut Value, root: &str) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(reference) if name == "$ref" => {
                        let rest = reference.strip_prefix('#').unwrap_or_default();
                        *reference = format!("{root}{rest}");
                    }
                    value => relocate(value, root),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| relocate(item, root)),
        _ => {}
    }
}
