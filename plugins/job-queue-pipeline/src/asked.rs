//! What a chat request asks: to submit a job, how one stands, or simply an answer.

use serde_json::{Map, Value};

const DEFAULT_KIND: &str = "text_processing";
/// Fields of the request that become fields of the job's data.
const DATA_FIELDS: [&str; 5] = [
    "instruction",
    "content",
    "analysis_type",
    "prompt",
    "parameters",
];

/// What a request asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    Job(Submission),
    Standing { id: String },
    Answer,
}

/// A job to be submitted.
#[derive(Debug, PartialEq, Eq)]
pub struct Submission {
    pub kind: String,
    pub idempotency_key: Option<String>,
    /// What the request says of how to work on its question.
    pub fields: Map<String, Value>,
}

impl Asked {
    /// Reads the body of a chat request.
    ///
    /// # Errors
    /// A sentence for the client, if a field is not what it should be.
    pub fn parse(body: &str) -> Result<Asked, String> {
        let mut fields: Map<String, Value> = serde_json::from_str(body)
            .map_err(|error| format!("the request is no JSON object: {error}"))?;
        if flag(&mut fields, "submit_job")? {
            return Ok(Asked::Job(Submission {
                kind: text(&mut fields, "job_type")?.unwrap_or_else(|| DEFAULT_KIND.to_owned()),
                idempotency_key: text(&mut fields, "idempotency_key")?,
                fields: DATA_FIELDS
                    .iter()
                    .filter_map(|name| fields.remove_entry(*name))
                    .collect(),
            }));
        }
        let id = text(&mut fields, "job_id")?;
        Ok(id.map_or(Asked::Answer, |id| Asked::Standing { id }))
    }
}

/// A job's data, a JSON document: the question, and what was said with it.
pub fn job_data(question: String, mut fields: Map<String, Value>) -> String {
    fields.insert("text".to_owned(), Value::String(question));
    Value::Object(fields).to_string()
}

fn flag(fields: &mut Map<String, Value>, name: &str) -> Result<bool, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(format!("{name} is neither true nor false")),
    }
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is no string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(body: &str) -> Submission {
        match Asked::parse(body) {
            Ok(Asked::Job(submission)) => submission,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_submission_says_what_to_do_with_the_question() {
        let asked = submission(
            r#"{"submit_job": true, "job_type": "analysis", "instruction": "Extract key themes", "idempotency_key": "k", "messages": []}"#,
        );
        assert_eq!(
            (asked.kind.as_str(), asked.idempotency_key.as_deref()),
            ("analysis", Some("k"))
        );
        assert_eq!(
            job_data("a text".to_owned(), asked.fields),
            r#"{"instruction":"Extract key themes","text":"a text"}"#
        );
    }

    #[test]
    fn a_submission_with_no_more_is_text_processing() {
        let asked = submission(r#"{"submit_job": true}"#);
        assert_eq!(
            (asked.kind.as_str(), asked.idempotency_key.as_deref()),
            ("text_processing", None)
        );
        assert_eq!(
            job_data("a text".to_owned(), asked.fields),
            r#"{"text":"a text"}"#
        );
    }

    #[test]
    fn an_id_asks_how_its_job_stands_and_nothing_asks_for_an_answer() {
        assert_eq!(
            Asked::parse(r#"{"job_id": "7"}"#),
            Ok(Asked::Standing { id: "7".to_owned() })
        );
        for body in [
            "{}",
            r#"{"submit_job": false}"#,
            r#"{"submit_job": null, "job_id": null}"#,
        ] {
            assert_eq!(Asked::parse(body), Ok(Asked::Answer));
        }
    }

    #[test]
    fn a_field_of_the_wrong_kind_is_named() {
        for (body, named) in [
            (r#"{"submit_job": "yes"}"#, "submit_job"),
            (r#"{"job_id": 7}"#, "job_id"),
            (r#"{"submit_job": true, "job_type": []}"#, "job_type"),
            ("[]", "no JSON object"),
        ] {
            let error = Asked::parse(body).unwrap_err();
            assert!(error.contains(named), "{body}: {error}");
        }
    }
}
