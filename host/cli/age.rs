//! Times for people: how long ago, or how soon.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// The seconds of each unit, the largest first.
const UNITS: [(&str, u64); 3] = [("d", 86_400), ("h", 3600), ("m", 60)];

/// How long ago the Unix time at `path` was. `None` if the value has no time there.
pub fn age(value: &Value, path: &str) -> Option<String> {
    Some(show(now().saturating_sub(time(value, path)?).as_secs()))
}

/// How soon the Unix time at `path` will come. `None` if the value has no time there.
pub fn until(value: &Value, path: &str) -> Option<String> {
    Some(show(time(value, path)?.saturating_sub(now()).as_secs()))
}

fn time(value: &Value, path: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(value.pointer(path)?.as_f64()?).ok()
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// In the largest unit that fits.
fn show(seconds: u64) -> String {
    let unit = UNITS.iter().find(|(_, size)| seconds >= *size);
    unit.map_or_else(
        || format!("{seconds}s"),
        |(name, size)| format!("{}{name}", seconds / size),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        assert_eq!(
            [0, 59, 60, 7199, 86_400].map(show),
            ["0s", "59s", "1m", "1h", "1d"]
        );
    }
}
