//! What a route needs of its client: nothing, a key, or a scope and perhaps a pipeline. The table
//! in `routes` states the need of each route.

use hayrick_services::keys::key::Scope;

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: probes send no key.
    Nothing,
    /// Any valid key: the request can only be refused.
    Key,
    /// A key with this scope that may use the pipeline the route names.
    Scope(Scope, PipelineIn),
}

/// Where a request names its pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PipelineIn {
    /// In this parameter of the path: the gate checks it.
    Path(&'static str),
    /// In the body or nowhere: the handler checks it, or shows only what the key may see.
    Handler,
}

/// The need of a request that the table does not list.
const UNLISTED: Need = Need::Scope(Scope::Admin, PipelineIn::Handler);

/// Matches OpenAI's paths that are not served, so that they are not taken for a pipeline's.
pub(crate) const UNSERVED: &str = "/v1/{*rest}";

/// The need of each method and path, taken from the table of routes.
#[derive(Debug)]
pub(crate) struct Needs(Vec<RouteNeed>);

/// The need of one method and path.
#[derive(Debug)]
pub(crate) struct RouteNeed {
    pub(crate) method: &'static str,
    /// With its parameters in braces, as the router reports a match.
    pub(crate) path: &'static str,
    pub(crate) need: Need,
}

impl Needs {
    /// The needs of these routes.
    pub(crate) fn new(routes: Vec<RouteNeed>) -> Needs {
        Needs(routes)
    }

    /// What a request with this method needs. `path` is the path of the route that matched, if one
    /// did.
    pub(crate) fn of(&self, method: &str, path: Option<&str>) -> Need {
        let Some(path) = path.filter(|path| *path != UNSERVED) else {
            return Need::Key;
        };
        // The handler of GET answers HEAD too.
        let method = if method == "HEAD" { "GET" } else { method };
        let route = self
            .0
            .iter()
            .find(|route| route.method == method && route.path == path);
        match route {
            Some(route) => route.need,
            // The router answers OPTIONS itself, without a handler.
            None if method == "OPTIONS" => Need::Key,
            None => UNLISTED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_is_not_listed_needs_the_admin_scope() {
        let need = Need::Scope(Scope::Invoke, PipelineIn::Path("name"));
        let needs = Needs::new(vec![RouteNeed {
            method: "GET",
            path: "/status/{name}",
            need,
        }]);
        assert_eq!(needs.of("GET", Some("/forgotten")), UNLISTED);
        assert_eq!(needs.of("PUT", Some("/status/{name}")), UNLISTED);
        assert_eq!(needs.of("HEAD", Some("/status/{name}")), need);
        assert_eq!(needs.of("OPTIONS", Some("/status/{name}")), Need::Key);
        assert_eq!(needs.of("GET", None), Need::Key);
    }
}
