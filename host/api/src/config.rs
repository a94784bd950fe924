//! What the HTTP surface needs to know.

use hayrick_types::settings::keys::KeysSettings;
use hayrick_types::settings::server::ServerSettings;
use ipnet::IpNet;

/// Who gets in without a key, and how often one may try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessConfig {
    /// Whether a request without a key may do everything.
    pub open: bool,
    /// Whether only this machine can come.
    pub is_loopback: bool,
    /// What the operator sets.
    pub keys: KeysSettings,
}

impl Default for AccessConfig {
    fn default() -> AccessConfig {
        AccessConfig {
            open: true,
            is_loopback: true,
            keys: KeysSettings::default(),
        }
    }
}

/// Limits and habits of the HTTP surface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiConfig {
    /// What the operator sets.
    pub server: ServerSettings,
    /// Who gets in.
    pub access: AccessConfig,
    /// Whose word on a client counts.
    pub trusted_proxies: Vec<IpNet>,
}
