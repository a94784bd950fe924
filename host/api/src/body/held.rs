//! Bytes of bodies in memory: no client can have all of them.

use axum::http::Extensions;
use hayrick_services::byte_shares::{Account, ByteShares, Share};
use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::server::ServerSettings;

use crate::gate::holder::holder;

/// The bodies that are in memory.
#[derive(Debug, Default)]
pub(crate) struct HeldBodies(ByteShares);

/// The account of all bodies. No client has this name.
const HOST: &str = "host";

impl HeldBodies {
    /// Bytes of all bodies in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.of(HOST)
    }

    /// The share of a request, which has nothing in memory yet. It is to live until nobody needs
    /// the body any more.
    pub(crate) fn open(&self, extensions: &Extensions, config: &ServerSettings) -> Share {
        let client = Account {
            name: holder(extensions),
            max: config.client_bodies_bytes_max,
            limit: LimitName::ClientBodiesBytesMax,
        };
        let host = Account {
            name: HOST.to_owned(),
            max: config.bodies_bytes_max,
            limit: LimitName::BodiesBytesMax,
        };
        self.0.open(vec![client, host])
    }
}
