//! Who holds what a request takes up: clients have shares of the memory and the disk.

use axum::http::Extensions;

use crate::gate::access::Access;
use crate::gate::forwarded::Origin;
use crate::gate::throttle::network;

/// Names the client of a request: by its key, or else by its address.
pub(crate) fn holder(extensions: &Extensions) -> String {
    if let Some(key) = extensions.get::<Access>().and_then(Access::key) {
        return format!("key {}", key.id);
    }
    let address = extensions.get::<Origin>().map(|origin| origin.address);
    address.map_or_else(String::new, |address| network(address).to_string())
}
