//! What each route asks of a key: the one place where it is said. A route that is not here is for
//! `admin` alone.

use hayrick_services::keys::key::Scope;

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: a probe has no key.
    Nothing,
    /// Any key that opens anything: there is nothing to be had here but a refusal.
    Key,
    /// This scope, and the pipeline that the path names, if it names one.
    Scope(Scope, Named),
}

/// Where a route names the pipeline it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// In this parameter of its path.
    Path(&'static str),
    /// Not where it can be seen from outside: the handler checks, or shows only what the key may
    /// see.
    Handler,
}

const READ: Need = Need::Scope(Scope::Invoke, Named::Handler);
const OF_PIPELINE: Need = Need::Scope(Scope::Invoke, Named::Path("pipeline"));
const OF_NAME: Need = Need::Scope(Scope::Invoke, Named::Path("name"));
const OF_ID: Need = Need::Scope(Scope::Invoke, Named::Path("id"));
const DEPLOY: Need = Need::Scope(Scope::Deploy, Named::Path("name"));
const CLEAR: Need = Need::Scope(Scope::Admin, Named::Path("pipeline"));
const ADMIN: Need = Need::Scope(Scope::Admin, Named::Handler);

/// Method, path as the router has it, and the need.
const ROUTES: [(&str, &str, Need); 28] = [
    ("GET", "/health/live", Need::Nothing),
    ("GET", "/health/ready", Need::Nothing),
    ("GET", "/metrics", ADMIN),
    ("GET", "/openapi.json", READ),
    ("GET", "/status", READ),
    ("GET", "/status/{name}", OF_NAME),
    ("POST", "/deploy/{name}", DEPLOY),
    ("POST", "/undeploy/{name}", DEPLOY),
    ("POST", "/chat/completions", READ),
    ("POST", "/v1/chat/completions", READ),
    ("GET", "/models", READ),
    ("GET", "/v1/models", READ),
    ("GET", "/models/{id}", OF_ID),
    ("GET", "/v1/models/{id}", OF_ID),
    ("POST", "/{pipeline}/files", OF_PIPELINE),
    ("GET", "/{pipeline}/tasks", OF_PIPELINE),
    ("DELETE", "/{pipeline}/tasks", CLEAR),
    ("GET", "/{pipeline}/tasks/{id}", OF_PIPELINE),
    ("GET", "/{pipeline}/jobs", OF_PIPELINE),
    ("POST", "/{pipeline}/jobs", OF_PIPELINE),
    ("GET", "/{pipeline}/job/{id}", OF_PIPELINE),
    ("GET", "/{pipeline}/jobs/{id}", OF_PIPELINE),
    ("POST", "/{pipeline}/job/{id}/cancel", OF_PIPELINE),
    ("POST", "/{pipeline}/jobs/{id}/cancel", OF_PIPELINE),
    ("POST", "/{pipeline}/job/{id}/retry", OF_PIPELINE),
    ("POST", "/{pipeline}/jobs/{id}/retry", OF_PIPELINE),
    ("GET", "/{pipeline}/job/{id}/events", OF_PIPELINE),
    ("GET", "/{pipeline}/jobs/{id}/events", OF_PIPELINE),
];

/// What a request of this method needs at this path of the router; no path is one that no route
/// has.
pub(crate) fn need(method: &str, path: Option<&str>) -> Need {
    let Some(path) = path else { return Need::Key };
    // A HEAD is answered by the handler of GET.
    let method = if method == "HEAD" { "GET" } else { method };
    match ROUTES
        .iter()
        .find(|(known, route, _)| *known == method && *route == path)
    {
        Some((_, _, need)) => *need,
        // What the router itself answers, without a handler.
        None if method == "OPTIONS" => Need::Key,
        None => ADMIN,
    }
}

/// Whether the table has this route.
#[cfg(test)]
pub(crate) fn knows(method: &str, path: &str) -> bool {
    ROUTES
        .iter()
        .any(|(known, route, _)| *known == method && *route == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_is_not_in_the_table_is_for_admin_alone() {
        assert_eq!(need("GET", Some("/forgotten")), ADMIN);
        assert_eq!(need("PUT", Some("/status")), ADMIN);
        assert_eq!(need("HEAD", Some("/status/{name}")), OF_NAME);
        assert_eq!(need("GET", None), Need::Key);
    }

    #[test]
    fn only_probes_are_open() {
        let open: Vec<_> = ROUTES
            .iter()
            .filter(|(_, _, need)| *need == Need::Nothing)
            .map(|(_, path, _)| *path)
            .collect();
        assert_eq!(open, ["/health/live", "/health/ready"]);
    }

    #[test]
    fn every_parameter_that_names_a_pipeline_is_checked() {
        for (method, path, need) in ROUTES {
            let named = path.contains("{pipeline}")
                || path.contains("{name}")
                || path.ends_with("models/{id}");
            let checked = matches!(need, Need::Scope(_, Named::Path(parameter)) if path.contains(&format!("{{{parameter}}}")));
            assert_eq!(named, checked, "{method} {path}");
        }
    }
}
