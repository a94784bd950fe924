//! Parses and formats sizes and durations such as `"256 MiB"` and `"500ms"`.

use std::time::Duration;

/// Units in lower case, and their size in bytes.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("kib", 1 << 10),
    ("gb", 1_000_000_000),
    ("mb", 1_000_000),
    ("kb", 1000),
    ("b", 1),
];

/// In milliseconds.
const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Bytes: a whole number, alone or with B, KiB, MiB, GiB, KB, MB or GB, in any case.
///
/// # Errors
/// A message that shows how to write a size.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let bytes = match split(text) {
        Some((count, "")) => Some(count),
        Some((count, unit)) => scale(count, &unit.to_ascii_lowercase(), &SIZE_UNITS),
        None => None,
    };
    bytes.ok_or_else(|| format!("invalid size '{text}': write bytes, or for example \"256 MiB\""))
}

/// A whole number with ms, s, m, h or d.
///
/// # Errors
/// A message that shows how to write a duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let millis = split(text).and_then(|(count, unit)| scale(count, unit, &DURATION_UNITS));
    millis.map(Duration::from_millis).ok_or_else(|| {
        format!("invalid duration '{text}': write something like \"500ms\", \"10s\" or \"5m\"")
    })
}

/// Formats bytes in the largest binary unit that is exact.
pub fn show_size(bytes: u64) -> String {
    let binary = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match binary
        .iter()
        .find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size))
    {
        Some((name, size)) => format!("{} {name}", bytes / size),
        None => format!("{bytes} B"),
    }
}

/// Formats a duration in the largest unit that is exact to the millisecond.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let unit = DURATION_UNITS
        .iter()
        .rev()
        .find(|(_, size)| millis >= u128::from(*size) && millis.is_multiple_of(u128::from(*size)));
    unit.map_or_else(
        || format!("{millis}ms"),
        |(name, size)| format!("{}{name}", millis / u128::from(*size)),
    )
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let (digits, unit) = text.split_at(
        text.find(|character: char| !character.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    Some((digits.parse().ok()?, unit.trim_start()))
}

fn scale(count: u64, unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
    count.checked_mul(*size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let cases = [
            ("0", 0),
            ("17", 17),
            ("17 B", 17),
            ("4KiB", 4096),
            ("256 MiB", 256 << 20),
            (" 1 gib ", 1 << 30),
            ("2 MB", 2_000_000),
            ("3kb", 3000),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Ok(bytes), "{text:?}");
        }
    }

    #[test]
    fn invalid_sizes_are_refused() {
        for text in [
            "",
            "MiB",
            "-1",
            "1.5 MiB",
            "1 MiBs",
            "1 M",
            "ten",
            "99999999999999999999",
            "18446744073709551615 KiB",
        ] {
            assert!(parse_size(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("10s", 10_000),
            ("5m", 300_000),
            ("2 h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn invalid_durations_are_refused() {
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1.5s",
            "1 min",
            "1s2",
            "1h30m",
            "18446744073709551615d",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn formatted_values_can_be_parsed_again() {
        for (bytes, text) in [
            (0, "0 B"),
            (1000, "1000 B"),
            (1 << 10, "1 KiB"),
            (1536, "1536 B"),
            (256 << 20, "256 MiB"),
            (4 << 30, "4 GiB"),
        ] {
            assert_eq!(show_size(bytes), text);
            assert_eq!(parse_size(text), Ok(bytes));
        }
        for (millis, text) in [
            (0, "0ms"),
            (1, "1ms"),
            (1500, "1500ms"),
            (10_000, "10s"),
            (300_000, "5m"),
            (86_400_000, "1d"),
        ] {
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
        }
    }
}
