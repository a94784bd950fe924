//! The table of routes: the one place where a route is declared, and the only file that names every
//! protocol. The router, the gate's needs and the paths of `GET /openapi.json` come from it.

mod route;
pub(crate) mod router;

use axum::routing::on;
use hayrick_services::keys::key::Scope;

use self::route::{Route, RouteMethod};
use crate::gate::need::{Need, PipelineIn};
use crate::openai::{chat, completions, embeddings, models};
use crate::server::{draw, health, metrics, status};
use crate::{deploy, files, jobs, openapi, plugin_state, run, tasks};

/// The operations of each protocol, by operation id.
const DESCRIPTIONS: [&str; 9] = [
    include_str!("../openai/openapi.json"),
    include_str!("../run/openapi.json"),
    include_str!("../files/openapi.json"),
    include_str!("../jobs/openapi.json"),
    include_str!("../tasks/openapi.json"),
    include_str!("../plugin_state/openapi.json"),
    include_str!("../deploy/openapi.json"),
    include_str!("../server/openapi.json"),
    include_str!("../openapi/openapi.json"),
];

const OPEN: Need = Need::Nothing;
const INVOKE: Need = Need::Scope(Scope::Invoke, PipelineIn::Handler);
const INVOKE_PIPELINE: Need = Need::Scope(Scope::Invoke, PipelineIn::Path("pipeline"));
const INVOKE_NAME: Need = Need::Scope(Scope::Invoke, PipelineIn::Path("name"));
const INVOKE_MODEL: Need = Need::Scope(Scope::Invoke, PipelineIn::Path("id"));
const DEPLOY: Need = Need::Scope(Scope::Deploy, PipelineIn::Path("name"));
const ADMIN_PIPELINE: Need = Need::Scope(Scope::Admin, PipelineIn::Path("pipeline"));
const ADMIN: Need = Need::Scope(Scope::Admin, PipelineIn::Handler);

static ROUTES: [Route; 28] = [
    Route {
        method: RouteMethod::Post,
        path: "/chat/completions",
        aliases: &[("chatV1", "/v1/chat/completions")],
        need: INVOKE,
        operation: "chat",
        handler: |method| on(method, chat::complete),
    },
    Route {
        method: RouteMethod::Post,
        path: "/completions",
        aliases: &[("completeV1", "/v1/completions")],
        need: INVOKE,
        operation: "complete",
        handler: |method| on(method, completions::complete),
    },
    Route {
        method: RouteMethod::Post,
        path: "/embeddings",
        aliases: &[("embedV1", "/v1/embeddings")],
        need: INVOKE,
        operation: "embed",
        handler: |method| on(method, embeddings::create),
    },
    Route {
        method: RouteMethod::Get,
        path: "/models",
        aliases: &[("listModelsV1", "/v1/models")],
        need: INVOKE,
        operation: "listModels",
        handler: |method| on(method, models::list),
    },
    Route {
        method: RouteMethod::Get,
        path: "/models/{id}",
        aliases: &[("getModelV1", "/v1/models/{id}")],
        need: INVOKE_MODEL,
        operation: "getModel",
        handler: |method| on(method, models::one),
    },
    Route {
        method: RouteMethod::Post,
        path: "/{pipeline}/run",
        aliases: &[],
        need: INVOKE_PIPELINE,
        operation: "run",
        handler: |method| on(method, run::run),
    },
    Route {
        method: RouteMethod::Post,
        path: "/{pipeline}/files",
        aliases: &[],
        need: INVOKE_PIPELINE,
        operation: "processFiles",
        handler: |method| on(method, files::process),
    },
    Route {
        method: RouteMethod::Get,
        path: "/{pipeline}/jobs",
        aliases: &[],
        need: INVOKE_PIPELINE,
        operation: "listJobs",
        handler: |method| on(method, jobs::list),
    },
    Route {
        method: RouteMethod::Post,
        path: "/{pipeline}/jobs",
        aliases: &[],
        need: INVOKE_PIPELINE,
        operation: "submitJob",
        handler: |method| on(method, jobs::submit),
    },
    Route {
        method: RouteMethod::Get,
        path: "/{pipeline}/jobs/{id}",
        aliases: &[("getJobAlias", "/{pipeline}/job/{id}")],
        need: INVOKE_PIPELINE,
        operation: "getJob",
        handler: |method| on(method, jobs::one),
    },
    Route {
        method: RouteMethod::Post,
        path: "/{pipeline}/jobs/{id}/cancel",
        aliases: &[("cancelJobAlias", "/{pipeline}/job/{id}/cancel")],
        need: INVOKE_PIPELINE,
        operation: "cancelJob",
        handler: |method| on(method, jobs::cancel),
    },
    Route {
        method: RouteMethod::Post,
        path: "/{pipeline}/jobs/{id}/retry",
        aliases: &[("retryJobAlias", "/{pipeline}/job/{id}/retry")],
        need: INVOKE_PIPELINE,
        operation: "retryJob",
        handler: |method| on(method, jobs::retry),
    },
    Route {
        method: RouteMethod::Get,
        path: "/{pipeline}/jobs/{id}/events",
        aliases: &[("followJobAlias", "/{pipeline}/job/{id}/events")],
        need: INVOKE_PIPELINE,
        operation: "followJob",
        handler: |method| on(method, jobs::follow),
    },
    Route {
        method: RouteMethod::Get,
        path: "/{pipeline}/tasks",
        aliases: &[],
        need: INVOKE_PIPELINE,
        operation: "listTasks",
        handler: |method| on(method, tasks::list),
    },
    Route {
        method: RouteMethod::Delete,
        path: "/{pipeline}/tasks",
        aliases: &[],
        need: ADMIN_PIPELINE,
        operation: "deleteTasks",
        handler: |method| on(method, tasks::delete),
    },
    Route {
        method: RouteMethod::Get,
        path: "/{pipeline}/tasks/{id}",
        aliases: &[],
        need: INVOKE_PIPELINE,
        operation: "getTask",
        handler: |method| on(method, tasks::one),
    },
    Route {
        method: RouteMethod::Get,
        path: "/state",
        aliases: &[],
        need: ADMIN,
        operation: "listState",
        handler: |method| on(method, plugin_state::list),
    },
    Route {
        method: RouteMethod::Delete,
        path: "/{pipeline}/state",
        aliases: &[],
        need: ADMIN_PIPELINE,
        operation: "deleteState",
        handler: |method| on(method, plugin_state::delete),
    },
    Route {
        method: RouteMethod::Post,
        path: "/deploy/{name}",
        aliases: &[],
        need: DEPLOY,
        operation: "deploy",
        handler: |method| on(method, deploy::deploy),
    },
    Route {
        method: RouteMethod::Post,
        path: "/undeploy/{name}",
        aliases: &[],
        need: DEPLOY,
        operation: "undeploy",
        handler: |method| on(method, deploy::undeploy),
    },
    Route {
        method: RouteMethod::Get,
        path: "/status",
        aliases: &[],
        need: INVOKE,
        operation: "status",
        handler: |method| on(method, status::list),
    },
    Route {
        method: RouteMethod::Get,
        path: "/status/{name}",
        aliases: &[],
        need: INVOKE_NAME,
        operation: "pipelineStatus",
        handler: |method| on(method, status::one),
    },
    Route {
        method: RouteMethod::Get,
        path: "/draw/{name}",
        aliases: &[],
        need: INVOKE_NAME,
        operation: "draw",
        handler: |method| on(method, draw::one),
    },
    Route {
        method: RouteMethod::Get,
        path: "/metrics",
        aliases: &[],
        need: ADMIN,
        operation: "metrics",
        handler: |method| on(method, metrics::all),
    },
    Route {
        method: RouteMethod::Get,
        path: "/health/live",
        aliases: &[],
        need: OPEN,
        operation: "live",
        handler: |method| on(method, health::live),
    },
    Route {
        method: RouteMethod::Get,
        path: "/health/ready",
        aliases: &[],
        need: OPEN,
        operation: "ready",
        handler: |method| on(method, health::ready),
    },
    Route {
        method: RouteMethod::Get,
        path: "/openapi.json",
        aliases: &[],
        need: INVOKE,
        operation: "openapi",
        handler: |method| on(method, openapi::show),
    },
    Route {
        method: RouteMethod::Get,
        path: "/docs",
        aliases: &[],
        need: OPEN,
        operation: "docs",
        handler: |method| on(method, openapi::page::show),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hayrick_types::contract::Export;
    use hayrick_types::id::PipelineName;
    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::from_slice(&router::openapi_document().unwrap()).unwrap()
    }

    #[test]
    fn only_probes_need_no_key() {
        let open: Vec<_> = ROUTES
            .iter()
            .filter(|route| route.need == Need::Nothing)
            .map(|route| route.path)
            .collect();
        assert_eq!(open, ["/health/live", "/health/ready", "/docs"]);
    }

    #[test]
    fn every_path_parameter_that_names_a_pipeline_is_checked() {
        for route in &ROUTES {
            for (_, path) in route.paths() {
                let names_pipeline = path.contains("{pipeline}")
                    || path.contains("{name}")
                    || path.ends_with("models/{id}");
                let is_checked = matches!(
                    route.need,
                    Need::Scope(_, PipelineIn::Path(parameter))
                        if path.contains(&format!("{{{parameter}}}"))
                );
                assert_eq!(names_pipeline, is_checked, "{path}");
            }
        }
    }

    #[test]
    fn no_pipeline_can_have_the_name_of_a_route() {
        let segments: BTreeSet<&str> = ROUTES
            .iter()
            .flat_map(Route::paths)
            .filter_map(|(_, path)| path.split('/').nth(1))
            .filter(|first| !first.starts_with('{'))
            .collect();
        assert!(segments.contains("deploy") && segments.contains("v1"));
        for segment in segments {
            assert!(
                PipelineName::parse(segment).is_err(),
                "a pipeline could be called '{segment}' and shadow that route"
            );
        }
    }

    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(target) if name == "$ref" => drop(found.insert(target)),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_has_a_target_and_every_component_is_used() {
        let document = document();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        for target in &used {
            assert!(
                document.pointer(target.trim_start_matches('#')).is_some(),
                "{target} is missing"
            );
        }
        for (group, components) in document["components"].as_object().unwrap() {
            for name in components.as_object().unwrap().keys() {
                // `security` names schemes without a reference.
                assert!(
                    group == "securitySchemes"
                        || used.contains(format!("#/components/{group}/{name}").as_str()),
                    "{group}/{name} is used nowhere"
                );
            }
        }
    }

    #[test]
    fn every_kind_of_task_is_described() {
        let kinds = &document()["components"]["schemas"]["TaskKind"]["enum"];
        let kinds: BTreeSet<_> = kinds
            .as_array()
            .unwrap()
            .iter()
            .map(|kind| kind.as_str().unwrap())
            .collect();
        assert_eq!(kinds, Export::ALL.map(Export::task).into_iter().collect());
    }

    #[test]
    fn every_route_has_its_own_operation_id() {
        let document = document();
        let operations = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values());
        let ids: Vec<&str> = operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(
            ids.len(),
            ROUTES.iter().flat_map(Route::paths).count(),
            "{ids:?}"
        );
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "an operationId is given twice: {ids:?}"
        );
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
