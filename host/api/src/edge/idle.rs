//! Which connections wait for a request, and since when: if no place is free, the one that has been
//! idle longest is closed.
//!
//! A request costs two writes to an atomic of its own connection; the list is searched only if no
//! place is free.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The idle time of a busy connection.
const BUSY: u64 = u64::MAX;

/// All connections of a server.
pub(crate) struct IdleList {
    start: Instant,
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
    next: AtomicU64,
    /// Whether somebody waits for a connection to become idle.
    wanted: AtomicBool,
    appeared: Notify,
}

/// A connection in the list; dropped with it.
pub(crate) struct ListedConnection {
    list: Arc<IdleList>,
    slot: Arc<Slot>,
    number: u64,
}

struct Slot {
    /// Since when it is idle, in milliseconds since `start`; or [`BUSY`].
    idle_since: AtomicU64,
    /// Whether it has begun a response, so that something may still be on its way out.
    has_served: AtomicBool,
    is_closing: AtomicBool,
    close: Notify,
}

/// A request under way; when it is dropped, its connection is idle again.
pub(crate) struct BusyConnection {
    list: Arc<IdleList>,
    slot: Arc<Slot>,
}

impl IdleList {
    /// An empty list.
    pub(crate) fn new() -> IdleList {
        let (slots, next, wanted, appeared) = (
            Mutex::default(),
            AtomicU64::new(0),
            AtomicBool::new(false),
            Notify::new(),
        );
        IdleList {
            start: Instant::now(),
            slots,
            next,
            wanted,
            appeared,
        }
    }

    /// Adds a connection, which is idle until its first request.
    pub(crate) fn enter(self: &Arc<Self>) -> ListedConnection {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (idle_since, close) = (AtomicU64::new(self.now()), Notify::new());
        let slot = Arc::new(Slot {
            idle_since,
            has_served: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            close,
        });
        self.slots().insert(number, Arc::clone(&slot));
        ListedConnection {
            list: Arc::clone(self),
            slot,
            number,
        }
    }

    /// Closes the connection that has been idle longest, as soon as one is idle.
    pub(crate) async fn close_longest(&self) {
        self.wanted.store(true, Ordering::SeqCst);
        while !self.try_close_longest() {
            self.appeared.notified().await;
        }
        self.wanted.store(false, Ordering::SeqCst);
    }

    /// Does the same if a connection is idle now, and returns whether one was.
    pub(crate) fn try_close_longest(&self) -> bool {
        let slots = self.slots();
        let open = slots
            .iter()
            .filter(|(_, slot)| !slot.is_closing.load(Ordering::SeqCst));
        // Of several with the same time, the first one.
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
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(BUSY - 1)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<u64, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ListedConnection {
    /// Marks the connection as busy.
    pub(crate) fn busy(&self) -> BusyConnection {
        self.slot.has_served.store(true, Ordering::SeqCst);
        self.slot.idle_since.store(BUSY, Ordering::SeqCst);
        BusyConnection {
            list: Arc::clone(&self.list),
            slot: Arc::clone(&self.slot),
        }
    }

    /// Returns once the connection should close.
    pub(crate) async fn should_close(&self) {
        self.slot.close.notified().await;
    }

    /// Whether closing the connection can lose no part of a response.
    pub(crate) fn has_served_nothing(&self) -> bool {
        !self.slot.has_served.load(Ordering::SeqCst)
    }

    /// Whether a request is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.slot.idle_since.load(Ordering::SeqCst) == BUSY
    }
}

impl Drop for ListedConnection {
    fn drop(&mut self) {
        self.list.slots().remove(&self.number);
    }
}

impl Drop for BusyConnection {
    fn drop(&mut self) {
        self.slot
            .idle_since
            .store(self.list.now(), Ordering::SeqCst);
        // Only after the time is written: a search before it gets this notification, and a search
        // after it finds the connection.
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
    async fn the_longest_idle_connection_closes_and_a_busy_one_never() {
        let list = Arc::new(IdleList::new());
        let mut connections = Vec::new();
        for _ in 0..3 {
            connections.push(list.enter());
            sleep(Duration::from_secs(1)).await;
        }
        let busy = connections[0].busy();
        list.close_longest().await;
        connections[1].should_close().await;
        assert!(list.try_close_longest(), "the next one");
        connections[2].should_close().await;
        assert!(!list.try_close_longest(), "none closes twice");
        assert!(
            timeout(Duration::from_secs(1), list.close_longest())
                .await
                .is_err()
        );
        tokio::join!(list.close_longest(), async { drop(busy) });
        connections[0].should_close().await;
        drop(connections);
        assert!(list.slots().is_empty());
    }
}
