//! Who may come in: the `[keys]` section, and what `[server]` says of addresses, names and origins.

use std::net::IpAddr;
use std::path::Path;

use hayrick_api::config::{AccessConfig, ApiConfig};

use crate::keys::has_usable_key;
use crate::limits::TIMES;
use crate::section::Section;
use crate::settings::Flags;

/// Connections of one address when others than this machine can come; proxies and offices share
/// one.
const ADDRESS_CONNECTIONS_DEFAULT: usize = 1024;
/// What the parser of JSON itself can bear.
const JSON_DEPTH: u64 = 128;

/// What `[keys]` says, and whether there are any.
pub struct KeysSettings {
    required: bool,
    failures_per_minute: u32,
    anonymous_per_minute: u32,
    has_usable: bool,
}

/// Reads `[keys]`, and looks whether the data folder has a key.
pub fn read_keys(section: &mut Section, data_dir: &Path) -> KeysSettings {
    let default = AccessConfig::default();
    let has_usable = has_usable_key(data_dir).unwrap_or_else(|error| {
        section.mistake_here(format!("{error:#}"));
        false
    });
    KeysSettings {
        required: section.flag("required", false),
        failures_per_minute: section.count(
            "failures_per_minute",
            default.failures_per_minute,
            1..=1_000_000,
        ),
        anonymous_per_minute: section.count(
            "anonymous_per_minute",
            default.anonymous_per_minute,
            0..=1_000_000,
        ),
        has_usable,
    }
}

/// Reads what `[server]` says of clients, and refuses an address that would be open to all.
pub fn read_clients(
    section: &mut Section,
    ip: IpAddr,
    flags: &Flags,
    keys: &KeysSettings,
    warnings: &mut Vec<String>,
) -> ApiConfig {
    let default = ApiConfig::default();
    let is_loopback = ip.to_canonical().is_loopback();
    check_exposure(section, ip, flags, keys, warnings);
    let per_address = if is_loopback {
        0
    } else {
        ADDRESS_CONNECTIONS_DEFAULT
    };
    ApiConfig {
        headers_max: section.count("headers_max", default.headers_max, 8..=1000),
        address_connections_max: section.count(
            "address_connections_max",
            per_address,
            0..=1_000_000,
        ),
        body_stall_timeout: section.duration(
            "body_stall_timeout",
            default.body_stall_timeout,
            TIMES,
        ),
        body_rate_min: section.size("body_rate_min", default.body_rate_min, 0..=1 << 20),
        json_depth_max: section.count("json_depth_max", default.json_depth_max, 1..=JSON_DEPTH),
        cors_origins: read_origins(section),
        access: AccessConfig {
            open: !keys.required && (is_loopback || flags.insecure),
            is_loopback,
            allowed_hosts: section.texts("allowed_hosts").unwrap_or_default(),
            failures_per_minute: keys.failures_per_minute,
            anonymous_per_minute: keys.anonymous_per_minute,
        },
        ..default
    }
}

fn check_exposure(
    section: &mut Section,
    ip: IpAddr,
    flags: &Flags,
    keys: &KeysSettings,
    warnings: &mut Vec<String>,
) {
    if ip.to_canonical().is_loopback() || keys.required && keys.has_usable {
        return;
    }
    if flags.insecure && !keys.required {
        let keys = if keys.has_usable {
            "although there are keys"
        } else {
            "there are no keys"
        };
        warnings.push(format!("INSECURE: whoever reaches {ip} can use every pipeline and spend on every model without a key; {keys}"));
    } else if !keys.has_usable {
        let path = if flags.host.is_some() {
            "--host".to_owned()
        } else {
            section.path_of("host")
        };
        section.mistake_of(
            path,
            format!(
                "{ip} can be reached by other machines and there are no API keys yet: make one with `hayrick keys create`, use 127.0.0.1, or \
                 add --insecure"
            ),
        );
    }
}

fn read_origins(section: &mut Section) -> Vec<String> {
    let origins = section.texts("cors_origins").unwrap_or_default();
    for origin in origins.iter().filter(|origin| !is_origin(origin)) {
        let cure = "write for example \"https://chat.example.com\", as a browser sends it; '*' is not taken";
        section.mistake("cors_origins", format!("'{origin}' is no origin: {cure}"));
    }
    origins
}

/// Scheme and host, maybe a port, in lower case, and nothing else.
fn is_origin(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let fits = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-._:[]".contains(letter)
    };
    rest.is_some_and(|host| !host.is_empty() && host.chars().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_no_more() {
        for (text, expected) in [
            ("https://a.example", true),
            ("http://localhost:3000", true),
            ("*", false),
            ("null", false),
            ("https://*", false),
            ("https://a.example/", false),
            ("https://A.example", false),
            ("a.example", false),
            ("https://", false),
        ] {
            assert_eq!(is_origin(text), expected, "{text}");
        }
    }
}
