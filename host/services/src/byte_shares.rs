//! Bytes that requests hold together, in memory or on disk: nobody can have all of them.
//!
//! A share counts in several accounts at once, such as that of its client and that of the host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hayrick_types::limit_name::LimitName;

/// Who holds bytes, and how many all shares of this account may hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Different from the names of all other accounts.
    pub name: String,
    /// Bytes.
    pub max: u64,
    /// The limit that `max` is.
    pub limit: LimitName,
}

/// An account has no room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this request does not fit beside those in progress, which may hold {max} bytes together \
     ({limit}): send it again when some have ended, or ask the operator to raise the limit"
)]
pub struct Full {
    pub limit: LimitName,
    pub max: u64,
}

/// The bytes of all accounts. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct ByteShares(Arc<Mutex<HashMap<String, u64>>>);

/// What one request holds. Dropping it gives the bytes back.
#[derive(Debug)]
pub struct Share {
    shares: ByteShares,
    accounts: Vec<Account>,
    bytes: u64,
}

impl ByteShares {
    /// A share of nothing yet, which will count in these accounts.
    pub fn open(&self, accounts: Vec<Account>) -> Share {
        Share {
            shares: self.clone(),
            accounts,
            bytes: 0,
        }
    }

    /// Bytes of the account with this name.
    pub fn of(&self, name: &str) -> u64 {
        self.held().get(name).copied().unwrap_or_default()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes `bytes` more, from all accounts or from none.
    ///
    /// # Errors
    /// An account is full.
    pub fn take(&mut self, bytes: u64) -> Result<(), Full> {
        let mut held = self.shares.held();
        for account in &self.accounts {
            let all = held.get(&account.name).copied().unwrap_or_default();
            if all.saturating_add(bytes) > account.max {
                let (limit, max) = (account.limit, account.max);
                return Err(Full { limit, max });
            }
        }
        for account in &self.accounts {
            let all = held.entry(account.name.clone()).or_default();
            *all = all.saturating_add(bytes);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    /// Holds at least `bytes` in all.
    ///
    /// # Errors
    /// An account is full.
    pub fn grow_to(&mut self, bytes: u64) -> Result<(), Full> {
        match bytes.saturating_sub(self.bytes) {
            0 => Ok(()),
            more => self.take(more),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        for account in &self.accounts {
            if let Some(all) = held.get_mut(&account.name) {
                *all = all.saturating_sub(self.bytes);
                if *all == 0 {
                    held.remove(&account.name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(client: &str) -> Vec<Account> {
        let account = |name: &str, max| Account {
            name: name.to_owned(),
            max,
            limit: LimitName::BodyBytesMax,
        };
        vec![account(client, 10), account("host", 15)]
    }

    #[test]
    fn a_share_counts_in_each_account_until_it_is_dropped() {
        let shares = ByteShares::default();
        let (mut a, mut b) = (shares.open(accounts("a")), shares.open(accounts("b")));
        a.take(4).unwrap();
        a.grow_to(10).unwrap();
        assert_eq!(a.take(1).unwrap_err().max, 10, "the client's share");
        assert_eq!(b.take(6).unwrap_err().max, 15, "the host's share");
        b.take(5).unwrap();
        drop(a);
        b.grow_to(10).unwrap();
        drop(b);
        assert!(shares.held().is_empty(), "an account without bytes is gone");
    }
}
