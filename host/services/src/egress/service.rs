//! The service: the way out for every guest.

use std::sync::Arc;

use hayrick_types::egress::grant::EgressGrant;
use hayrick_types::settings::egress::EgressSettings;
use tokio::sync::Semaphore;

use crate::egress::connect::Connector;
use crate::egress::resolver::Resolver;
use crate::egress::session::Session;
use crate::egress::shared::{SecretSource, Shared};

/// The way out. A cheap handle.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
}

impl Egress {
    /// Connects to nothing yet.
    pub fn new(
        config: EgressSettings,
        resolver: Arc<dyn Resolver>,
        secrets: SecretSource,
    ) -> Egress {
        let connector = Connector::new(config.connect_timeout, config.headers_max);
        let places = Arc::new(Semaphore::new(
            config.requests_max.min(Semaphore::MAX_PERMITS),
        ));
        Egress {
            shared: Arc::new(Shared {
                config,
                resolver,
                secrets,
                connector,
                places,
            }),
        }
    }

    /// What one run of a pipeline may ask.
    pub fn session(&self, pipeline: Arc<str>, grant: Arc<EgressGrant>) -> Session {
        Session::new(Arc::clone(&self.shared), pipeline, grant)
    }
}
