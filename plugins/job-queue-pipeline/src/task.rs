//! What a job asks the model to do, parsed from its kind and its data.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the model works on, and how.
#[derive(Debug, PartialEq, Eq)]
pub struct Task {
    pub data: String,
    pub instructions: Vec<String>,
}

/// A job's data. A chat that submits a job always sets `text`; the other fields are optional.
#[derive(Deserialize)]
struct Data {
    text: Option<String>,
    instruction: Option<String>,
    content: Option<String>,
    analysis_type: Option<String>,
    prompt: Option<String>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// What the model sees of a job of the kind `generation`.
#[derive(Serialize)]
struct Generation {
    prompt: String,
    parameters: Map<String, Value>,
}

impl Task {
    /// Parses a job.
    ///
    /// # Errors
    /// A message that says what is wrong with the job.
    pub fn parse(kind: &str, data: &str) -> Result<Task, String> {
        match kind {
            "text_processing" => Task::text_processing(Data::parse(data)?),
            "analysis" => Task::analysis(Data::parse(data)?),
            "generation" => Task::generation(Data::parse(data)?),
            _ => Err(format!("Unknown job type: {kind}")),
        }
    }

    fn text_processing(data: Data) -> Result<Task, String> {
        let instruction = data
            .instruction
            .unwrap_or_else(|| "Process this text".to_owned());
        Ok(Task {
            data: data.text.ok_or_else(|| missing("text"))?,
            instructions: vec![instruction],
        })
    }

    fn analysis(data: Data) -> Result<Task, String> {
        let content = data
            .content
            .or(data.text)
            .ok_or_else(|| missing("content"))?;
        let analysis = format!(
            "Analyze this content for {}",
            data.analysis_type.as_deref().unwrap_or("general")
        );
        Ok(Task {
            data: content,
            instructions: [Some(analysis), data.instruction]
                .into_iter()
                .flatten()
                .collect(),
        })
    }

    fn generation(data: Data) -> Result<Task, String> {
        let prompt = data.prompt.or(data.text).ok_or_else(|| missing("prompt"))?;
        let shown = serde_json::to_string(&Generation {
            prompt,
            parameters: data.parameters,
        });
        Ok(Task {
            data: shown.map_err(|error| error.to_string())?,
            instructions: data.instruction.into_iter().collect(),
        })
    }
}

impl Data {
    fn parse(data: &str) -> Result<Data, String> {
        serde_json::from_str(data)
            .map_err(|error| format!("the job's data does not match its type: {error}"))
    }
}

fn missing(field: &str) -> String {
    format!("the job's data has no {field}: add a string field of that name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(kind: &str, data: &str) -> (String, Vec<String>) {
        let task = Task::parse(kind, data).unwrap();
        (task.data, task.instructions)
    }

    #[test]
    fn a_job_from_a_chat_has_text_for_every_kind() {
        let data = r#"{"text": "a text", "instruction": "Be brief"}"#;
        assert_eq!(
            task("text_processing", data),
            ("a text".to_owned(), vec!["Be brief".to_owned()])
        );
        let both = vec![
            "Analyze this content for general".to_owned(),
            "Be brief".to_owned(),
        ];
        assert_eq!(task("analysis", data), ("a text".to_owned(), both));
        assert_eq!(
            task("generation", data),
            (
                r#"{"prompt":"a text","parameters":{}}"#.to_owned(),
                vec!["Be brief".to_owned()]
            )
        );
    }

    #[test]
    fn the_fields_of_a_kind_take_precedence_over_text() {
        let (data, instructions) = task(
            "analysis",
            r#"{"text": "t", "content": "c", "analysis_type": "themes"}"#,
        );
        assert_eq!(
            (data.as_str(), instructions),
            ("c", vec!["Analyze this content for themes".to_owned()])
        );
        let (data, instructions) = task(
            "generation",
            r#"{"text": "t", "prompt": "p", "parameters": {"tone": "dry"}}"#,
        );
        assert_eq!(
            (data.as_str(), instructions),
            (r#"{"prompt":"p","parameters":{"tone":"dry"}}"#, vec![])
        );
        assert_eq!(
            task("text_processing", r#"{"text": "t"}"#).1,
            ["Process this text"]
        );
    }

    #[test]
    fn an_invalid_job_says_why() {
        for (kind, data, named) in [
            ("dance", "{}", "Unknown job type: dance"),
            ("analysis", "{}", "no content"),
            ("generation", r#"{"content": "c"}"#, "no prompt"),
            ("text_processing", "7", "does not match its type"),
        ] {
            let error = Task::parse(kind, data).unwrap_err();
            assert!(error.contains(named), "{kind} {data}: {error}");
        }
    }
}
