//! An API whose input has the schema that the operator wrote as `schema`, with `pad` spaces behind
//! it.

use sdk::hayrick::pipeline::config;
use sdk::{Api, ApiRequest, Description, Failure, Output};

struct Described;

impl Api for Described {
    fn describe() -> Description {
        let pad = config::get("pad").and_then(|pad| pad.parse().ok());
        let spaces = " ".repeat(pad.unwrap_or_default());
        Description {
            title: config::get("title"),
            summary: None,
            input: config::get("schema").unwrap_or_default() + &spaces,
            output: config::get("output"),
        }
    }

    async fn run(request: ApiRequest) -> Result<Output, Failure> {
        Ok(Output::Value(request.input))
    }
}

sdk::serve!(api: Described);
