//! `[server]` and `[keys]`: where the server listens, and who may use it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use hayrick_api::config::{AccessConfig, ApiConfig};
use hayrick_types::settings::keys::KeysSettings;
use hayrick_types::settings::server::{HOST, PORT, PORT_DEFAULT, ServerSettings};
use ipnet::IpNet;
use toml::Value;

use crate::keys::has_usable_key;
use crate::settings::flags::Flags;
use crate::settings::section::Section;
use crate::settings::value;

/// Default for connections per address if other machines can connect; everyone behind a proxy or in
/// an office shares one address.
const ADDRESS_CONNECTIONS_DEFAULT: usize = 1024;

/// The settings of `[keys]`, and whether a usable key exists.
pub struct Keys {
    settings: KeysSettings,
    has_usable: bool,
}

/// Reads `[keys]`, and checks whether the data folder has a usable key.
pub fn read_keys(section: &mut Section, data_dir: &Path) -> Keys {
    let has_usable = has_usable_key(data_dir).unwrap_or_else(|error| {
        section.mistake_here(format!("{error:#}"));
        false
    });
    let settings = KeysSettings::read(section, &KeysSettings::default());
    Keys {
        settings,
        has_usable,
    }
}

/// Reads `[server]`, and refuses an address that would be open to everyone.
pub fn read_server(
    section: &mut Section,
    flags: &Flags,
    keys: &Keys,
    warnings: &mut Vec<String>,
) -> (SocketAddr, ApiConfig) {
    let address = read_address(section, flags);
    let is_loopback = address.ip().to_canonical().is_loopback();
    check_exposure(section, address.ip(), flags, keys, warnings);
    let default = ServerSettings {
        address_connections_max: if is_loopback {
            0
        } else {
            ADDRESS_CONNECTIONS_DEFAULT
        },
        ..ServerSettings::default()
    };
    let mut server = ServerSettings::read(section, &default);
    check_origins(section, &server.cors_origins);
    check_hosts(section, &server.allowed_hosts);
    check_headers(section, &mut server.forwarded_headers);
    let access = AccessConfig {
        open: !keys.settings.required && (is_loopback || flags.insecure),
        is_loopback,
        keys: keys.settings,
    };
    let trusted_proxies = read_proxies(section, &server.trusted_proxies);
    let config = ApiConfig {
        server,
        access,
        trusted_proxies,
    };
    (address, config)
}

/// Reads the address to listen on.
pub fn read_address(section: &mut Section, flags: &Flags) -> SocketAddr {
    let in_file = section.unrecorded(HOST.key, host);
    let by_flag = flags.host.as_deref().and_then(|text| {
        host(text)
            .map_err(|text| section.mistake_of("--host", text))
            .ok()
    });
    let choices = (by_flag, in_file, Ipv4Addr::LOCALHOST.into());
    let ip = flags.pick(section, &HOST, choices, |ip| Value::String(ip.to_string()));
    let in_file = section.unrecorded_number(&PORT);
    let in_file = in_file.and_then(|port| u16::try_from(port).ok());
    let choices = (flags.port, in_file, PORT_DEFAULT);
    let port = flags.pick(section, &PORT, choices, |port| {
        value::of_number((*port).into())
    });
    SocketAddr::new(ip, port)
}

fn host(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if bare == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    bare.parse()
        .map_err(|_| format!("invalid IP address '{text}': write something like 127.0.0.1"))
}

fn check_exposure(
    section: &mut Section,
    ip: IpAddr,
    flags: &Flags,
    keys: &Keys,
    warnings: &mut Vec<String>,
) {
    if ip.to_canonical().is_loopback() || keys.settings.required && keys.has_usable {
        return;
    }
    if flags.insecure && !keys.settings.required {
        let keys = if keys.has_usable {
            "the existing keys have no effect"
        } else {
            "there are no keys"
        };
        warnings.push(format!(
            "INSECURE: anyone who can connect to {ip} can use every pipeline and spend money on \
             every model without a key; {keys}"
        ));
    } else if !keys.has_usable {
        let path = if flags.host.is_some() {
            "--host".to_owned()
        } else {
            section.path_of("host")
        };
        section.mistake_of(
            path,
            format!(
                "other machines can reach {ip}, and there are no API keys yet: create one with \
                 `hayrick keys create`, use 127.0.0.1, or \
                 add --insecure"
            ),
        );
    }
}

fn check_origins(section: &mut Section, origins: &[String]) {
    for origin in origins.iter().filter(|origin| !is_origin(origin)) {
        let text = format!(
            "invalid origin '{origin}': write something like \"https://chat.example.com\", as a \
             browser sends it; '*' is not allowed"
        );
        section.mistake("cors_origins", text);
    }
}

/// Checks header names and converts them to lower case.
fn check_headers(section: &mut Section, names: &mut [String]) {
    let is_token = |name: &str| {
        name.chars().all(|character| {
            character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
        })
    };
    for name in names {
        if !is_token(name) {
            section.mistake("forwarded_headers", format!("invalid header name '{name}'"));
        }
        name.make_ascii_lowercase();
    }
}

/// Checks that each is the name or the address of a host alone.
fn check_hosts(section: &mut Section, hosts: &[String]) {
    let fits = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    for host in hosts {
        let is_name = !host.is_empty() && host.chars().all(fits);
        if !is_name && host.parse::<IpAddr>().is_err() {
            let text = format!(
                "invalid host name '{host}': write each name alone, such as \"hay.example\", \
                 without scheme, port or '*'; a server for everyone needs API keys"
            );
            section.mistake("allowed_hosts", text);
        }
    }
}

fn read_proxies(section: &mut Section, proxies: &[String]) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for text in proxies {
        let network = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        match network {
            Ok(network) => networks.push(network),
            Err(_) => section.mistake(
                "trusted_proxies",
                format!("invalid address '{text}': write an IP address or a network, such as \"10.0.0.0/8\""),
            ),
        }
    }
    networks
}

/// Whether the text is what a browser or an app sends as its origin: a scheme and a host, with an
/// optional port, in lower case.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let in_scheme = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "+-.".contains(character)
    };
    let in_host = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "-._:[]".contains(character)
    };
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.chars().all(in_scheme)
        && !host.is_empty()
        && host.chars().all(in_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_only() {
        for (text, expected) in [
            ("https://a.example", true),
            ("http://localhost:3000", true),
            ("app://obsidian.md", true),
            ("vscode-webview://0a1b2c", true),
            ("chrome-extension://abcdef", true),
            ("tauri://localhost", true),
            ("://a", false),
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
