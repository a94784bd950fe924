//! A row of the table of routes.

use axum::routing::{MethodFilter, MethodRouter};

use crate::gate::need::Need;
use crate::state::ApiState;

/// Everything there is to say of a route.
pub(super) struct Route {
    pub(super) method: RouteMethod,
    pub(super) path: &'static str,
    /// Other paths of the same route, each with its operation id.
    pub(super) aliases: &'static [(&'static str, &'static str)],
    pub(super) need: Need,
    /// The operation id: its description is under this key in one of the `DESCRIPTIONS`.
    pub(super) operation: &'static str,
    pub(super) handler: fn(MethodFilter) -> MethodRouter<ApiState>,
}

#[derive(Clone, Copy)]
pub(super) enum RouteMethod {
    Get,
    Post,
    Delete,
}

impl Route {
    /// Every path of the route with its operation id, the aliases last.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [(self.operation, self.path)]
            .into_iter()
            .chain(self.aliases.iter().copied())
    }
}

impl RouteMethod {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            RouteMethod::Get => "GET",
            RouteMethod::Post => "POST",
            RouteMethod::Delete => "DELETE",
        }
    }

    pub(super) fn filter(self) -> MethodFilter {
        match self {
            RouteMethod::Get => MethodFilter::GET,
            RouteMethod::Post => MethodFilter::POST,
            RouteMethod::Delete => MethodFilter::DELETE,
        }
    }
}
