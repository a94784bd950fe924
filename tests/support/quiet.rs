//! Tests that measure time have the machine to themselves; all others share it.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// The machine, for as long as the folders of a test's host are there. A test has one host at a
/// time: two shares of one test could wait for each other.
#[expect(dead_code, reason = "the guards are held, not read")]
pub enum Machine {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// Waits for the machine.
pub async fn machine(is_alone: bool) -> Machine {
    if is_alone {
        Machine::Alone(MACHINE.write().await)
    } else {
        Machine::Shared(MACHINE.read().await)
    }
}
