//! How many requests a key may send, and how many an address without a valid key.

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

/// Addresses with a count of their own; all further ones share one count, so that many addresses
/// need no memory.
const ADDRESSES_MAX: usize = 4096;
/// The wait for a place, since nobody knows when one becomes free.
const PLACE_PAUSE: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The counts of one server.
pub(crate) struct Throttle {
    /// Only of verified keys, so that the file of keys bounds their number.
    keys: Mutex<HashMap<String, Arc<KeyLimits>>>,
    failures: Addresses,
    anonymous: Option<Addresses>,
    failure_log: FailureLog,
}

struct KeyLimits {
    rate: Option<DefaultDirectRateLimiter>,
    places: Option<Arc<Semaphore>>,
}

impl Throttle {
    /// Starts to count.
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
            failure_log: FailureLog::default(),
        }
    }

    /// Counts a request of a key. The caller holds the returned place until the response has ended.
    ///
    /// # Errors
    /// 429: too many requests recently, or too many at a time.
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
                "this API key has reached its rate (--rate): wait as long as the header \
                 Retry-After says",
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
                "this API key has reached its number of requests at a time (--concurrency): wait \
                 until one has ended",
                LimitName::KeyConcurrencyMax,
                PLACE_PAUSE,
            )
        })
    }

    /// Counts a request whose key is missing or wrong.
    ///
    /// # Errors
    /// 429: too many from this address. A valid key is still let in.
    pub(crate) fn fail(&self, address: IpAddr) -> Result<(), ApiError> {
        if let Some(skipped) = self.failure_log.next_line() {
            tracing::warn!(%address, skipped, "a request had no valid API key");
        }
        self.failures.count(address).map_err(|wait| {
            ApiError::too_many(
                "too many requests of this address had no valid API key \
                (failures_per_minute): check the key, and wait as long as the header Retry-After \
                says",
                LimitName::KeyFailuresPerMinute,
                wait,
            )
        })
    }

    /// Counts a request without a key, on a server that needs none.
    ///
    /// # Errors
    /// 429: too many from this address.
    pub(crate) fn enter_anonymous(&self, address: IpAddr) -> Result<(), ApiError> {
        let Some(anonymous) = &self.anonymous else {
            return Ok(());
        };
        anonymous.count(address).map_err(|wait| {
            ApiError::too_many(
                "this address has reached its number of requests without an API key \
                 (anonymous_per_minute): send a key, or wait",
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

/// The address that stands for a client: an IPv6 client has a whole /64 network.
pub(crate) fn network(address: IpAddr) -> IpAddr {
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

/// Allows one log line a second, and counts the skipped ones.
#[derive(Default)]
struct FailureLog {
    last: Mutex<Option<Instant>>,
    skipped: AtomicU64,
}

impl FailureLog {
    /// If the time for a line has come, the number of lines skipped since the last one.
    fn next_line(&self) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < Duration::from_secs(1)) {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *last = Some(Instant::now());
        Some(self.skipped.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn each_address_has_its_count_and_a_flood_of_addresses_needs_no_memory() {
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
            "further addresses share a count"
        );
        assert!(addresses.count(of(1)).is_err());
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_a_mapped_address_is_ipv4() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
