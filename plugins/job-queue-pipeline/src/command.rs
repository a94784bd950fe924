//! What a chat request asks for: to submit a job, the status of a job, or just an answer.

use serde_json::{Map, Value};

const DEFAULT_KIND: &str = "text_processing";
/// Request fields that are copied into the job's data.
const DATA_FIELDS: [&str; 5] = [
    "instruction",
    "content",
    "analysis_type",
    "prompt",
    "parameters",
];

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Job(Submission),
    Status { id: String },
    Answer,
}

/// A job to submit.
#[derive(Debug, PartialEq, Eq)]
pub struct Submission {
    pub kind: String,
    pub idempotency_key: Option<String>,
    /// What the request says about how to process its question.
    pub fields: Map<String, Value>,
}

impl Command {
    /// Parses the body of a chat request.
    ///
    /// # Errors
    /// A message for the client if a field is invalid.
    pub fn parse(body: &str) -> Result<Command, String> {
        let mut fields: Map<String, Value> = serde_json::from_str(body)
            .map_err(|error| format!("the request is not a JSON object: {error}"))?;
        if flag(&mut fields, "submit_job")? {
            return Ok(Command::Job(Submission {
                kind: text(&mut fields, "job_type")?.unwrap_or_else(|| DEFAULT_KIND.to_owned()),
                idempotency_key: text(&mut fields, "idempotency_key")?,
                fields: DATA_FIELDS
                    .iter()
                    .filter_map(|name| fields.remove_entry(*name))
                    .collect(),
            }));
        }
        let id = text(&mut fields, "job_id")?;
        Ok(id.map_or(Command::Answer, |id| Command::Status { id }))
    }
}

/// A job's data as a JSON document: the question, and the fields sent with it.
pub fn job_data(question: String, mut fields: Map<String, Value>) -> String {
    fields.insert("text".to_owned(), Value::String(question));
    Value::Object(fields).to_string()
}

fn flag(fields: &mut Map<String, Value>, name: &str) -> Result<bool, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(format!("{name} is not a boolean: send true or false")),
    }
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is not a string: send a string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(body: &str) -> Submission {
        match Command::parse(body) {
            Ok(Command::Job(submission)) => submission,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_submission_says_how_to_process_the_question() {
        let submission = submission(
            r#"{"submit_job": true, "job_type": "analysis", "instruction": "Extract key themes", "idempotency_key": "k", "messages": []}"#,
        );
        assert_eq!(
            (
                submission.kind.as_str(),
                submission.idempotency_key.as_deref()
            ),
            ("analysis", Some("k"))
        );
        assert_eq!(
            job_data("a text".to_owned(), submission.fields),
            r#"{"instruction":"Extract key themes","text":"a text"}"#
        );
    }

    #[test]
    fn the_default_job_type_is_text_processing() {
        let submission = submission(r#"{"submit_job": true}"#);
        assert_eq!(
            (
                submission.kind.as_str(),
                submission.idempotency_key.as_deref()
            ),
            ("text_processing", None)
        );
        assert_eq!(
            job_data("a text".to_owned(), submission.fields),
            r#"{"text":"a text"}"#
        );
    }

    #[test]
    fn a_job_id_asks_for_its_status_and_an_empty_request_for_an_answer() {
        assert_eq!(
            Command::parse(r#"{"job_id": "7"}"#),
            Ok(Command::Status { id: "7".to_owned() })
        );
        for body in [
            "{}",
            r#"{"submit_job": false}"#,
            r#"{"submit_job": null, "job_id": null}"#,
        ] {
            assert_eq!(Command::parse(body), Ok(Command::Answer));
        }
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        for (body, named) in [
            (r#"{"submit_job": "yes"}"#, "submit_job"),
            (r#"{"job_id": 7}"#, "job_id"),
            (r#"{"submit_job": true, "job_type": []}"#, "job_type"),
            ("[]", "not a JSON object"),
        ] {
            let error = Command::parse(body).unwrap_err();
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}
