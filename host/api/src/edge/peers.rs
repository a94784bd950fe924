//! Where connections come from, and how many each address has.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The address of the client, among the extensions of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The connections of each address. Only addresses with a connection need memory.
#[derive(Default)]
pub(crate) struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// One counted connection; dropped with it.
pub(crate) struct CountedPeer {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Peers {
    /// Counts one more connection of this address; `None` if it has `max` already. 0 means any
    /// number.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, max: usize) -> Option<CountedPeer> {
        let address = address.to_canonical();
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if max > 0 && *count >= max {
            return None;
        }
        *count += 1;
        Some(CountedPeer {
            peers: Arc::clone(self),
            address,
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CountedPeer {
    fn drop(&mut self) {
        let mut counts = self.peers.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_limit_and_leaves_nothing_behind() {
        let peers = Arc::new(Peers::default());
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().unwrap());
        let counted: Vec<_> = (0..2).map(|_| peers.enter(one, 2).unwrap()).collect();
        assert!(
            peers.enter(one, 2).is_none()
                && peers
                    .enter("::ffff:192.0.2.1".parse().unwrap(), 2)
                    .is_none()
        );
        assert!(peers.enter(other, 2).is_some() && peers.enter(one, 0).is_some());
        drop(counted);
        assert!(peers.counts().is_empty());
    }
}
