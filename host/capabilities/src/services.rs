//! The services behind the interfaces.

use host_services::budgets::Budgets;
use host_services::egress::service::Egress;
use host_services::jobs::queue::Jobs;
use host_services::llm::router::Llm;
use host_services::metrics::Metrics;
use host_services::state::State;
use host_services::tasks::Tasks;

/// What every run of the host can reach, within its grants. Cheap handles.
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
