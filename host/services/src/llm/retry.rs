//! When an upstream that failed is asked again.

use std::time::{Duration, SystemTime};

use crate::backoff::Backoff;

/// How long to wait after so many failed attempts. A wait that the upstream asks for is kept; the
/// result is `None` if it is longer than the cap.
pub(crate) fn wait(
    backoff: &Backoff,
    attempts: u32,
    retry_after: Option<Duration>,
) -> Option<Duration> {
    match retry_after {
        None => Some(backoff.equal_jitter(attempts)),
        Some(least) => {
            let spare = backoff.cap().checked_sub(least)?;
            Some(least + backoff.equal_jitter(0).min(spare))
        }
    }
}

/// Parses a `Retry-After` header: seconds, or an HTTP date compared with `now`.
pub(crate) fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(value.trim()).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_grow_with_the_attempts() {
        let backoff = Backoff::new(100 * MS, 1000 * MS, 7);
        for (attempts, full) in [
            (0, 100),
            (1, 200),
            (2, 400),
            (3, 800),
            (4, 1000),
            (40, 1000),
        ] {
            let wait = wait(&backoff, attempts, None).unwrap();
            assert!(
                wait >= full / 2 * MS && wait <= full * MS,
                "{attempts}: {wait:?}"
            );
        }
    }

    #[test]
    fn the_wait_an_upstream_asks_for_is_kept_up_to_the_cap() {
        let backoff = Backoff::new(100 * MS, 1000 * MS, 7);
        let asked = wait(&backoff, 0, Some(500 * MS)).unwrap();
        assert!(asked >= 500 * MS && asked <= 600 * MS, "{asked:?}");
        assert_eq!(wait(&backoff, 0, Some(1000 * MS)), Some(1000 * MS));
        assert_eq!(wait(&backoff, 0, Some(1001 * MS)), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 10);
        assert_eq!(parse_retry_after("3", now), Some(3000 * MS));
        assert_eq!(parse_retry_after(" 0.5 ", now), Some(500 * MS));
        assert_eq!(
            parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now),
            Some(10_000 * MS)
        );
        assert_eq!(
            parse_retry_after("Tue, 06 Nov 1984 08:49:37 GMT", now),
            Some(Duration::ZERO)
        );
        for value in ["", "-1", "soon", "NaN", "inf"] {
            assert_eq!(parse_retry_after(value, now), None, "{value}");
        }
    }
}
