//! Which connections wait for a request, and since when: when places run out, the one that has
//! waited longest gives its place up.
//!
//! A request pays two writes to an atomic of its own connection for it; the list is gone through
//! only when there is no place.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The time of a connection that is busy.
const BUSY: u64 = u64::MAX;

/// All connections of a server.
pub(crate) struct IdleList {
    begun: Instant,
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
    next: AtomicU64,
    /// Whether somebody wants to know of a connection that becomes idle.
    wanted: AtomicBool,
    appeared: Notify,
}

/// One connection's part of the list; dropped with it.
pub(crate) struct Listed {
    list: Arc<IdleList>,
    slot: Arc<Slot>,
    number: u64,
}

struct Slot {
    /// Since when it is idle, in milliseconds of the list; or busy.
    idle_since: AtomicU64,
    /// Whether it has begun to answer anything, so that something may still be on its way out.
    has_served: AtomicBool,
    is_closing: AtomicBool,
    close: Notify,
}

/// A request under way; its connection is idle again when it is dropped.
pub(crate) struct Busy {
    list: Arc<IdleList>,
    slot: Arc<Slot>,
}

impl IdleList {
    /// Without connections.
    pub(crate) fn new() -> IdleList {
        let (slots, next, wanted, appeared) = (
            Mutex::default(),
            AtomicU64::new(0),
            AtomicBool::new(false),
            Notify::new(),
        );
        IdleList {
            begun: Instant::now(),
            slots,
            next,
            wanted,
            appeared,
        }
    }

    /// Adds a connection, which is idle until its first request is there.
    pub(crate) fn enter(self: &Arc<Self>) -> Listed {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (idle_since, close) = (AtomicU64::new(self.now()), Notify::new());
        let slot = Arc::new(Slot {
            idle_since,
            has_served: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            close,
        });
        self.slots().insert(number, Arc::clone(&slot));
        Listed {
            list: Arc::clone(self),
            slot,
            number,
        }
    }

    /// Tells the connection that has been idle longest to close, as soon as there is one.
    pub(crate) async fn close_longest(&self) {
        self.wanted.store(true, Ordering::SeqCst);
        while !self.try_close_longest() {
            self.appeared.notified().await;
        }
        self.wanted.store(false, Ordering::SeqCst);
    }

    /// The same if there is one now; whether there was.
    pub(crate) fn try_close_longest(&self) -> bool {
        let slots = self.slots();
        let open = slots
            .iter()
            .filter(|(_, slot)| !slot.is_closing.load(Ordering::SeqCst));
        // Of those of one moment the one that came first.
        let idle =
            open.map(|(number, slot)| ((slot.idle_since.load(Ordering::SeqCst), *number), slot));
        let Some((_, slot)) = idle
            .filter(|((since, _), _)| *since != BUSY)
            .min_by_key(|(age, _)| *age)
        else {
            return false;
        };
        slot.is_closing.store(true, Ordering::SeqCst);
        slot.close.notify_one();
        true
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(BUSY - 1)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<u64, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    /// From now on it is busy.
    pub(crate) fn busy(&self) -> Busy {
        self.slot.has_served.store(true, Ordering::SeqCst);
        self.slot.idle_since.store(BUSY, Ordering::SeqCst);
        Busy {
            list: Arc::clone(&self.list),
            slot: Arc::clone(&self.slot),
        }
    }

    /// Returns once it is to close.
    pub(crate) async fn told_to_close(&self) {
        self.slot.close.notified().await;
    }

    /// Whether nothing of an answer can be lost by closing it.
    pub(crate) fn has_served_nothing(&self) -> bool {
        !self.slot.has_served.load(Ordering::SeqCst)
    }

    /// Whether a request is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.slot.idle_since.load(Ordering::SeqCst) == BUSY
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.slots().remove(&self.number);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.slot
            .idle_since
            .store(self.list.now(), Ordering::SeqCst);
        // After the time is written: whoever looked before it finds this, and whoever looks after
        // it finds the connection.
        if self.list.wanted.load(Ordering::SeqCst) {
            self.list.appeared.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_one_closes_and_a_busy_one_never() {
        let list = Arc::new(IdleList::new());
        let mut connections = Vec::new();
        for _ in 0..3 {
            connections.push(list.enter());
            sleep(Duration::from_secs(1)).await;
        }
        let busy = connections[0].busy();
        list.close_longest().await;
        connections[1].told_to_close().await;
        assert!(list.try_close_longest(), "the one after it");
        connections[2].told_to_close().await;
        assert!(!list.try_close_longest(), "nobody is told twice");
        assert!(
            timeout(Duration::from_secs(1), list.close_longest())
                .await
                .is_err()
        );
        let (told, ()) = tokio::join!(list.close_longest(), async { drop(busy) });
        let () = told;
        connections[0].told_to_close().await;
        drop(connections);
        assert!(list.slots().is_empty());
    }
}
