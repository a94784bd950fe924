//! What the requests of all runs share.

use std::sync::Arc;

use hayrick_types::settings::egress::EgressSettings;
use tokio::sync::Semaphore;

use crate::egress::connect::Connector;
use crate::egress::resolver::Resolver;
use crate::secret::Secret;

/// Where secrets are, by the names of their variables.
pub type SecretSource = Arc<dyn Fn(&str) -> Option<Secret> + Send + Sync>;

/// One for the host.
pub(crate) struct Shared {
    pub(crate) config: EgressSettings,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) secrets: SecretSource,
    pub(crate) connector: Connector,
    pub(crate) places: Arc<Semaphore>,
}
