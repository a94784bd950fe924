//! Who sent a request, if proxies passed it on. Anybody can write the headers that say so, so they
//! count only if they come from a proxy that the operator trusts.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
/// Bytes of the longest prefix.
const PREFIX_BYTES_MAX: usize = 256;

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client's address, or else that of the proxy that did not say it.
    pub(crate) address: IpAddr,
    /// It comes from this machine, and nothing says otherwise.
    pub(crate) is_local: bool,
    /// The path under which a proxy publishes this server, such as `/hayrick`.
    pub(crate) prefix: Option<String>,
}

/// Finds out who sent a request that came from `peer`.
pub(crate) fn origin(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> Origin {
    let peer = peer.to_canonical();
    let was_forwarded = headers.keys().any(tells_of_a_proxy);
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !was_forwarded || !is_trusted(peer) {
        return Origin {
            address: peer,
            is_local: peer.is_loopback() && !was_forwarded,
            prefix: None,
        };
    }
    // A proxy sets one of them and may pass on the others as the client wrote them: a client that
    // is local must be so in all.
    let claims = [
        chain(headers, &FORWARDED_FOR, list_entry),
        chain(headers, &FORWARDED, forwarded_entry),
        chain(headers, &REAL_IP, list_entry),
    ];
    let mut clients = claims
        .into_iter()
        .flatten()
        .map(|claim| client(claim, is_trusted));
    let first = clients.next().flatten();
    let all_agree = clients.all(|client| client == first);
    Origin {
        address: first.unwrap_or(peer),
        is_local: all_agree && first.is_some_and(|client| client.is_loopback()),
        prefix: prefix(headers),
    }
}

/// Whether only a proxy sends such a header.
fn tells_of_a_proxy(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-")
        || matches!(
            name,
            "forwarded"
                | "via"
                | "x-real-ip"
                | "x-client-ip"
                | "x-cluster-client-ip"
                | "x-original-forwarded-for"
                | "x-envoy-external-address"
                | "true-client-ip"
                | "cf-connecting-ip"
                | "fastly-client-ip"
                | "cdn-loop"
        )
}

/// The addresses in all headers of this name, the nearest last; `None` without such a header. An
/// entry that is not an address is `None`.
fn chain(
    headers: &HeaderMap,
    name: &HeaderName,
    entry: fn(&str) -> Option<IpAddr>,
) -> Option<Vec<Option<IpAddr>>> {
    let mut all = None::<Vec<_>>;
    for value in headers.get_all(name) {
        let entries = value.to_str().unwrap_or_default().split(',').map(entry);
        all.get_or_insert_default().extend(entries);
    }
    all
}

/// The nearest address that is not a proxy's, or the farthest one if all are.
fn client(chain: Vec<Option<IpAddr>>, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut found = None;
    for entry in chain.into_iter().rev() {
        found = entry;
        if !entry.is_some_and(&is_trusted) {
            break;
        }
    }
    found
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
fn list_entry(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// The `for` of an element of `Forwarded` (RFC 7239).
fn forwarded_entry(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    list_entry(found.next()?.1.trim().trim_matches('"'))
}

/// The prefix, if it is a plain path.
fn prefix(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(FORWARDED_PREFIX)?.to_str().ok()?;
    let path = text.trim().trim_end_matches('/');
    let fits = |character: char| character.is_ascii_alphanumeric() || "/-._~%".contains(character);
    let is_path = path.starts_with('/')
        && !path.contains("//")
        && path.len() <= PREFIX_BYTES_MAX
        && path.chars().all(fits);
    is_path.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn found(peer: &str, trusted: &[&str], pairs: &[(&'static str, &str)]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let origin = origin(&headers, peer.parse().unwrap(), &trusted);
        (origin.address.to_string(), origin.is_local)
    }

    fn expect(pairs: &[(&'static str, &str)], address: &str, is_local: bool) {
        let trusted = ["127.0.0.0/8", "10.0.0.0/8"];
        let found = found("127.0.0.1", &trusted, pairs);
        assert_eq!(found, (address.to_owned(), is_local), "{pairs:?}");
    }

    #[test]
    fn without_trust_a_header_of_a_proxy_only_takes_away() {
        assert_eq!(found("127.0.0.1", &[], &[]), ("127.0.0.1".to_owned(), true));
        assert_eq!(
            found("::ffff:127.0.0.1", &[], &[]),
            ("127.0.0.1".to_owned(), true)
        );
        assert_eq!(
            found("192.0.2.1", &[], &[]),
            ("192.0.2.1".to_owned(), false)
        );
        for name in [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-real-ip",
            "forwarded",
            "via",
            "cf-connecting-ip",
            "true-client-ip",
        ] {
            let found = found("127.0.0.1", &["10.0.0.0/8"], &[(name, "127.0.0.1")]);
            assert_eq!(found, ("127.0.0.1".to_owned(), false), "{name}");
        }
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        expect(&[("x-forwarded-for", "192.0.2.1")], "192.0.2.1", false);
        expect(
            &[("x-forwarded-for", "192.0.2.1, 10.1.1.1")],
            "192.0.2.1",
            false,
        );
        expect(&[("x-forwarded-for", "127.0.0.1")], "127.0.0.1", true);
        expect(
            &[("x-forwarded-for", "[2001:db8::1]:80")],
            "2001:db8::1",
            false,
        );
        expect(&[("x-real-ip", "192.0.2.1:80")], "192.0.2.1", false);
        let forwarded = r#"for=192.0.2.9;proto=https, For="[2001:db8::1]:4711";by=10.0.0.1"#;
        expect(&[("forwarded", forwarded)], "2001:db8::1", false);
        let lines = [
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-for", "10.0.0.2"),
        ];
        expect(&lines, "192.0.2.7", false);
    }

    #[test]
    fn what_a_client_wrote_before_the_proxy_does_not_count() {
        expect(
            &[("x-forwarded-for", "127.0.0.1, 192.0.2.1")],
            "192.0.2.1",
            false,
        );
        expect(&[("x-forwarded-for", "unknown")], "127.0.0.1", false);
        expect(&[("forwarded", "for=_hidden")], "127.0.0.1", false);
        expect(&[("x-forwarded-for", "")], "127.0.0.1", false);
        expect(&[("x-forwarded-proto", "https")], "127.0.0.1", false);
        let other = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=127.0.0.1"),
        ];
        expect(&other, "192.0.2.1", false);
        let reversed = [
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=192.0.2.1"),
        ];
        expect(&reversed, "127.0.0.1", false);
    }

    #[test]
    fn a_prefix_is_a_plain_path() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED_PREFIX, HeaderValue::from_str(text).unwrap());
            prefix(&headers)
        };
        assert_eq!(of("/hayrick/").as_deref(), Some("/hayrick"));
        for wrong in ["hayrick", "//evil.example", "/a b", "/a?b", "/", ""] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
