//! The services that implement the interfaces.

use hayrick_services::budgets::Budgets;
use hayrick_services::egress::service::Egress;
use hayrick_services::jobs::queue::Jobs;
use hayrick_services::llm::router::Llm;
use hayrick_services::metrics::Metrics;
use hayrick_services::state::State;
use hayrick_services::tasks::Tasks;

/// The services that every run can use, as far as it is granted. Cheap handles.
#[derive(Clone)]
pub struct Services {
    pub llm: Llm,
    pub budgets: Budgets,
    pub jobs: Jobs,
    pub tasks: Tasks,
    pub state: State,
    pub egress: Egress,
    pub metrics: Metrics,
}
