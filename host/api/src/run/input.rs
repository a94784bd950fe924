//! The input of a run: JSON, a form, or a form with files, checked against the schema.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use hayrick_runtime::api_description::ApiDescription;
use hayrick_services::byte_shares::Share;
use hayrick_services::uploads::form::Form;
use hayrick_services::uploads::spool::Owner;
use hayrick_services::uploads::upload::Upload;
use serde_json::Value;

use super::form_values;
use crate::body::parsing::Texts;
use crate::body::{depth, encoding, form, read};
use crate::error::ApiError;
use crate::gate::holder::holder;
use crate::state::ApiState;
use crate::wire::header_params;

/// An input that has arrived and was not checked yet.
pub(super) enum Arrived {
    Json(String),
    Form(Form),
}

/// Reads the body in the form that its label says.
///
/// # Errors
/// The body has another form, breaks off, or exceeds a limit.
pub(super) async fn read(
    state: &ApiState,
    pipeline: &str,
    head: &Parts,
    body: Body,
    held: &mut Share,
) -> Result<Arrived, ApiError> {
    let label = head.headers.get(CONTENT_TYPE);
    let (kind, _) = header_params::parse(label.map_or(&[], |label| label.as_bytes()));
    match kind.as_str() {
        "multipart/form-data" => {
            encoding::check_plain(&head.headers)?;
            let owner = Owner {
                client: &holder(&head.extensions),
                pipeline,
            };
            let spool = (&state.services().spool, owner);
            let form = form::read(body, &head.headers, spool, state.settings(), held).await?;
            Ok(Arrived::Form(form))
        }
        "application/x-www-form-urlencoded" => {
            let text = read::text(&head.headers, body, state.settings(), held).await?;
            // A client that only says so: curl labels every `-d` like this.
            if text.trim_start().starts_with('{') {
                return Ok(Arrived::Json(text));
            }
            let fields = form_urlencoded::parse(text.as_bytes());
            Ok(Arrived::Form(Form {
                fields: fields.into_owned().collect(),
                ..Form::default()
            }))
        }
        kind if kind.is_empty() || kind == "text/plain" || is_json(kind) => {
            let text = read::text(&head.headers, body, state.settings(), held).await?;
            Ok(Arrived::Json(text))
        }
        _ => Err(ApiError::unknown_input(
            "a run takes application/json, application/x-www-form-urlencoded or \
             multipart/form-data: send the input as one of them, and say so in Content-Type",
        )),
    }
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind.ends_with("+json")
}

impl Texts for Arrived {
    fn texts(&self) -> Vec<&str> {
        match self {
            Arrived::Json(text) => vec![text],
            Arrived::Form(form) => form.fields.iter().map(|(_, text)| text.as_str()).collect(),
        }
    }
}

impl Arrived {
    /// Checks the input against the schema, and returns it as JSON with the files of the form.
    ///
    /// # Errors
    /// 400 if it is not JSON, 422 with every field that does not match.
    pub(super) fn check(
        self,
        api: &ApiDescription,
        depth_max: usize,
    ) -> Result<(String, Vec<Upload>), ApiError> {
        let (text, value, files) = match self {
            Arrived::Json(text) => {
                // An input without fields may be left out.
                let text = if text.trim().is_empty() {
                    "{}".to_owned()
                } else {
                    text
                };
                depth::check(&text, depth_max)?;
                let value: Value = serde_json::from_str(&text).map_err(|error| {
                    ApiError::invalid(format!("the body is not JSON: {error}"), None)
                })?;
                (text, value, Vec::new())
            }
            Arrived::Form(form) => {
                for (_, text) in &form.fields {
                    depth::check(text, depth_max)?;
                }
                let value = form_values::object(&api.input, &form)?;
                (value.to_string(), value, form.files)
            }
        };
        let checked = api.input.check(&value);
        checked.map_err(|mistakes| ApiError::invalid_fields(&mistakes))?;
        Ok((text, files))
    }
}
