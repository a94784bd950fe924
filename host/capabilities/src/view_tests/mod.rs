//! Each capability on its own view: grants, budgets, quotas and handles. The services are real and
//! lie in a temporary folder; there is no engine, no component and no process.
//!
//! The views are called by their synchronous twins, which need no store and share everything below
//! the trait with the asynchronous functions.

mod config;
mod http;
mod jobs;
mod llm;
mod state;
mod tasks;
mod uploads;

use std::collections::BTreeMap;
use std::sync::Arc;

use hayrick_services::budgets::Budgets;
use hayrick_services::database::Database;
use hayrick_services::egress::resolver::SystemResolver;
use hayrick_services::egress::service::Egress;
use hayrick_services::jobs::config::JobsConfig;
use hayrick_services::jobs::queue::Jobs;
use hayrick_services::jobs::sqlite::SqliteJobs;
use hayrick_services::llm::config::LlmConfig;
use hayrick_services::llm::router::Llm;
use hayrick_services::metrics::Metrics;
use hayrick_services::state::State;
use hayrick_services::tasks::Tasks;
use hayrick_services::tasks::config::TasksConfig;
use hayrick_types::clock;
use hayrick_types::id::RunId;
use hayrick_types::policy::{InstanceClass, Interface, Policy};
use hayrick_types::settings::egress::EgressSettings;
use hayrick_types::settings::limits::Limits;
use hayrick_types::settings::plugin::{JobGrant, ModelGrant};
use hayrick_types::settings::state::{StateQuota, StateRetention};
use tempfile::TempDir;

use crate::bindings::hayrick::pipeline::types::{Failure, FailureKind};
use crate::guest_log::{GuestLog, LogLimits};
use crate::guest_state::GuestState;
use crate::output::{OutputLimits, channel};
use crate::plugin_share::{HostMax, PluginShare};
use crate::reached_limits::ReachedLimits;
use crate::response_writer::ResponseWriter;
use crate::run_context::RunContext;
use crate::services::Services;

const HOST_MAX: HostMax = HostMax {
    memory_bytes: usize::MAX,
    suspended_calls: usize::MAX,
};

/// The services of one host. The folder is gone with it.
struct Host {
    services: Services,
    _folder: TempDir,
}

impl Host {
    async fn start() -> Host {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("hayrick.db")).unwrap();
        let clock = clock::system();
        let config = JobsConfig::default();
        let store = SqliteJobs::new(database.clone(), &config, clock.clone(), 7);
        let metrics = Metrics::default();
        let services = Services {
            llm: Llm::new(LlmConfig::default()).unwrap(),
            budgets: Budgets::open(database.clone(), clock.clone())
                .await
                .unwrap(),
            jobs: Jobs::new(Arc::new(store), config, metrics.clone()),
            tasks: Tasks::open(database.clone(), TasksConfig::default(), clock.clone())
                .await
                .unwrap(),
            state: State::new(
                database,
                StateQuota::default(),
                StateRetention::default(),
                clock,
            ),
            egress: Egress::new(
                EgressSettings::default(),
                Arc::new(SystemResolver),
                Arc::new(|_| None),
            ),
            metrics,
        };
        Host {
            services,
            _folder: folder,
        }
    }

    /// A run of `pipeline` under `policy`.
    fn run(&self, pipeline: &str, policy: &Policy) -> GuestState {
        let (pipeline, id) = (Arc::from(pipeline), RunId::fresh());
        let share = PluginShare::new(self.services.metrics.clone(), &pipeline, HOST_MAX);
        let log_limits = LogLimits {
            lines_max: 0,
            line_bytes_max: 0,
            lines_per_second_max: 0,
        };
        let log = GuestLog::new(Arc::clone(&pipeline), id, log_limits, Arc::clone(&share));
        let (output, _) = channel(OutputLimits {
            answer_bytes_max: usize::MAX,
            chunk_bytes_max: usize::MAX,
            channel_items_max: 1,
        });
        let run = RunContext {
            id,
            budget: self.services.budgets.begin(&pipeline, &policy.models),
            policy: Arc::new(policy.clone()),
            limits: ReachedLimits::new(Arc::clone(&share)),
            share,
            recorder: None,
            attempt: None,
            pipeline,
        };
        GuestState::new(
            self.services.clone(),
            run,
            Arc::new(log),
            Arc::new(ResponseWriter::new(output, None)),
            &policy.limits,
        )
    }
}

/// The grants of a plugin without a policy file.
fn policy() -> Policy {
    Policy {
        interfaces: Interface::granted_by_default(),
        named: Interface::granted_by_default(),
        upgrades_may_ask: false,
        models: ModelGrant::default(),
        config: BTreeMap::new(),
        state: StateQuota::default(),
        jobs: JobGrant::default(),
        egress: Arc::default(),
        instance: InstanceClass::default(),
        limits: Limits::default(),
    }
}

/// Checks the kind of a failure, and that its message contains `text`.
#[track_caller]
fn assert_failure(failure: &Failure, kind: FailureKind, text: &str) {
    assert_eq!(failure.kind, kind, "{}", failure.message);
    assert!(
        failure.message.contains(text),
        "{text:?} is not in {:?}",
        failure.message
    );
}
