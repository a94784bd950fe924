//! How often and how much at once: each key, and each address that shows none or a wrong one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, NotUntil, Quota, RateLimiter};
use hayrick_services::keys::key::Key;
use hayrick_types::limit_name::LimitName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::AccessConfig;
use crate::error::ApiError;

/// Addresses that are told apart; beyond them all others share one count, so that many addresses
/// cost no memory.
const ADDRESSES_MAX: usize = 4096;
/// When a place may be free again is not known.
const PLACE_PAUSE: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// All counts of one server.
pub(crate) struct Throttle {
    /// Only keys that were verified come in here, so that their number is bounded by the file of
    /// keys.
    keys: Mutex<HashMap<String, Arc<KeyLimits>>>,
    failures: Addresses,
    anonymous: Option<Addresses>,
    told: Told,
}

struct KeyLimits {
    rate: Option<DefaultDirectRateLimiter>,
    places: Option<Arc<Semaphore>>,
}

impl Throttle {
    /// Nothing counted yet.
    pub(crate) fn new(config: &AccessConfig) -> Throttle {
        let failures = Addresses::new(
            NonZeroU32::new(config.keys.failures_per_minute).unwrap_or(NonZeroU32::MIN),
        );
        let anonymous = NonZeroU32::new(config.keys.anonymous_per_minute)
            .filter(|_| !config.is_loopback)
            .map(Addresses::new);
        Throttle {
            keys: Mutex::default(),
            failures,
            anonymous,
            told: Told::default(),
        }
    }

    /// Counts a request of a key; what it gives is the request's place, to be held until the answer
    /// ends.
    ///
    /// # Errors
    /// 429: too many of late, or too many at a time.
    pub(crate) fn enter(&self, key: &Key) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        if key.rate.is_none() && key.concurrency_max.is_none() {
            return Ok(None);
        }
        let limits = Arc::clone(
            self.keys
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(key.id.clone())
                .or_insert_with(|| Arc::new(KeyLimits::new(key))),
        );
        if let Some(Err(refused)) = limits.rate.as_ref().map(DefaultDirectRateLimiter::check) {
            return Err(ApiError::too_many(
                "this API key has sent more requests than its rate allows: try again after the time in the header Retry-After",
                LimitName::KeyRate,
                wait(&refused),
            ));
        }
        let place = limits
            .places
            .as_ref()
            .map(|places| Arc::clone(places).try_acquire_owned())
            .transpose();
        place.map_err(|_| {
            ApiError::too_many(
                "this API key has as many answers under way as it may have at a time (--concurrency): wait until one has ended",
                LimitName::KeyConcurrencyMax,
                PLACE_PAUSE,
            )
        })
    }

    /// Counts a wrong or missing key.
    ///
    /// # Errors
    /// 429: too many from this address. A right key is let in all the same.
    pub(crate) fn fail(&self, address: IpAddr) -> Result<(), ApiError> {
        if let Some(unsaid) = self.told.turn() {
            tracing::warn!(%address, unsaid, "a request showed no API key or a wrong one");
        }
        self.failures.count(address).map_err(|wait| {
            ApiError::too_many(
                "too many requests from this address had no API key or a wrong one (failures_per_minute): check the key, then try again",
                LimitName::KeyFailuresPerMinute,
                wait,
            )
        })
    }

    /// Counts a request without a key on a server that lets all in.
    ///
    /// # Errors
    /// 429.
    pub(crate) fn enter_anonymous(&self, address: IpAddr) -> Result<(), ApiError> {
        let Some(anonymous) = &self.anonymous else {
            return Ok(());
        };
        anonymous.count(address).map_err(|wait| {
            ApiError::too_many(
                "this address has sent too many requests without an API key (anonymous_per_minute): send a key, or wait",
                LimitName::AnonymousPerMinute,
                wait,
            )
        })
    }
}

impl KeyLimits {
    fn new(key: &Key) -> KeyLimits {
        let rate = key.rate.and_then(|rate| {
            let requests = NonZeroU32::new(rate.requests)?;
            let quota =
                Quota::with_period(Duration::from_secs(rate.seconds.into()) / requests.get())?;
            Some(RateLimiter::direct(quota.allow_burst(
                key.burst.and_then(NonZeroU32::new).unwrap_or(requests),
            )))
        });
        let places = key.concurrency_max.map(|max| {
            Arc::new(Semaphore::new(
                usize::try_from(max)
                    .unwrap_or(usize::MAX)
                    .min(Semaphore::MAX_PERMITS),
            ))
        });
        KeyLimits { rate, places }
    }
}

/// A count for each address, in bounded memory.
struct Addresses(RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>);

impl Addresses {
    fn new(per_minute: NonZeroU32) -> Addresses {
        let quota = Quota::with_period(MINUTE / per_minute.get())
            .map(|quota| quota.allow_burst(per_minute));
        Addresses(RateLimiter::hashmap(
            quota.unwrap_or_else(|| Quota::per_second(per_minute)),
        ))
    }

    fn count(&self, address: IpAddr) -> Result<(), Duration> {
        let mut address = network(address);
        if self.0.len() >= ADDRESSES_MAX {
            self.0.retain_recent();
            if self.0.len() >= ADDRESSES_MAX {
                address = Ipv6Addr::UNSPECIFIED.into();
            }
        }
        self.0.check_key(&address).map_err(|refused| wait(&refused))
    }
}

/// An IPv6 client has a whole /64 to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

fn wait<P: governor::clock::Reference>(refused: &NotUntil<P>) -> Duration
where
    DefaultClock: Clock<Instant = P>,
{
    refused.wait_time_from(DefaultClock::default().now())
}

/// Lets a line be logged once a second, and counts those that were not.
#[derive(Default)]
struct Told {
    last: Mutex<Option<Instant>>,
    unsaid: AtomicU64,
}

impl Told {
    /// How many were not said since the last, if it is time for a line.
    fn turn(&self) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < Duration::from_secs(1)) {
            self.unsaid.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *last = Some(Instant::now());
        Some(self.unsaid.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn each_address_has_its_count_and_a_flood_of_them_costs_no_memory() {
        let addresses = Addresses::new(NonZeroU32::new(2).unwrap());
        let of = |number: u32| IpAddr::from(Ipv4Addr::from_bits(number));
        assert_eq!(
            [1, 1, 2].map(|number| addresses.count(of(number)).is_ok()),
            [true, true, true]
        );
        assert!(
            addresses
                .count(of(1))
                .is_err_and(|wait| wait > Duration::from_secs(20))
        );
        for number in 3..20_000 {
            let _ = addresses.count(of(number));
        }
        assert!(
            addresses.0.len() <= ADDRESSES_MAX + 1,
            "{}",
            addresses.0.len()
        );
        assert!(
            addresses.count(of(99_999)).is_err(),
            "those beyond share a count"
        );
        assert!(addresses.count(of(1)).is_err());
    }

    #[test]
    fn a_network_of_v6_is_one_client_and_a_mapped_address_is_v4() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
