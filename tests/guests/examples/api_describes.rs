//! An API whose input has the schema that the operator wrote as `schema`.

use sdk::hayrick::pipeline::config;
use sdk::{Api, ApiRequest, Description, Failure, Output};

struct Described;

impl Api for Described {
    fn describe() -> Description {
        Description {
            title: config::get("title"),
            summary: None,
            input: config::get("schema").unwrap_or_default(),
            output: config::get("output"),
        }
    }

    async fn run(request: ApiRequest) -> Result<Output, Failure> {
        Ok(Output::Value(request.input))
    }
}

sdk::serve!(api: Described);
