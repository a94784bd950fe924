//! How many connections each address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The counts. Addresses without a connection are not in it, so that it is as large as the
/// connections are many.
#[derive(Default)]
pub(crate) struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// One connection's part; dropped with it.
pub(crate) struct Counted {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Peers {
    /// Counts one more of this address; none if it has `max` already. With 0 there is no bound.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, max: usize) -> Option<Counted> {
        let address = address.to_canonical();
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if max > 0 && *count >= max {
            return None;
        }
        *count += 1;
        Some(Counted {
            peers: Arc::clone(self),
            address,
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
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
    fn an_address_has_its_bound_and_leaves_nothing_behind() {
        let peers = Arc::new(Peers::default());
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().unwrap());
        let held: Vec<_> = (0..2).map(|_| peers.enter(one, 2).unwrap()).collect();
        assert!(
            peers.enter(one, 2).is_none()
                && peers
                    .enter("::ffff:192.0.2.1".parse().unwrap(), 2)
                    .is_none()
        );
        assert!(peers.enter(other, 2).is_some() && peers.enter(one, 0).is_some());
        drop(held);
        assert!(peers.counts().is_empty());
    }
}
