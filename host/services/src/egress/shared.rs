//! What the requests of all runs share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::egress::config::EgressConfig;
use crate::egress::connect::Connector;
use crate::egress::resolver::Resolver;
use crate::secret::Secret;

/// Looks up secrets by the names of their variables.
pub type SecretSource = Arc<dyn Fn(&str) -> Option<Secret> + Send + Sync>;

/// Exists once per host.
pub(crate) struct Shared {
    pub(crate) config: EgressConfig,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) secrets: SecretSource,
    pub(crate) connector: Connector,
    pub(crate) places: Arc<Semaphore>,
}
