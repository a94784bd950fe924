//! Which addresses of the network may be granted to a guest. The table follows IANA's registries of
//! special-purpose addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who may ask an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any guest with a rule for the host.
    Public,
    /// Only a rule with `private = true`; why.
    Private(&'static str),
    /// Nobody, whatever is granted; why.
    Never(&'static str),
}

/// Where clouds serve the keys of their machines, besides link-local addresses.
const METADATA_V4: [Ipv4Addr; 2] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// What an address is.
pub(crate) fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&ip) {
        return Reach::Never("it serves the metadata of a cloud");
    }
    match ip.octets() {
        [0, ..] => Reach::Never("it is not the address of a host"),
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Reach::Private("it is private"),
        [127, ..] => Reach::Private("it is loopback"),
        [100, 64..=127, ..] => Reach::Private("it is shared by a provider"),
        [169, 254, ..] => Reach::Never("it is link-local, where clouds keep their metadata"),
        [192, 0, 0, _] => Reach::Never("it is reserved for protocols"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Reach::Never("it is for documentation")
        }
        [192, 88, 99, _] => Reach::Never("it is a relay of 6to4"),
        [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => {
            Reach::Never("it is reserved for protocols")
        }
        [198, 18..=19, ..] => Reach::Never("it is for benchmarks"),
        [224..=239, ..] => Reach::Never("it is multicast"),
        [240..=255, ..] => Reach::Never("it is reserved"),
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&ip) {
        return Reach::Never("it serves the metadata of a cloud");
    }
    if ip.is_loopback() {
        return Reach::Private("it is loopback");
    }
    match ip.segments() {
        // ::, ::a.b.c.d, ::ffff:a.b.c.d, ::ffff:0:a.b.c.d
        [0, ..] => Reach::Never("it is unspecified, or stands for an IPv4 address"),
        [0x64, 0xff9b, ..] => Reach::Never("it stands for an IPv4 address (NAT64)"),
        [0x2002, ..] => Reach::Never("it stands for an IPv4 address (6to4)"),
        [0x2001, 0, ..] => Reach::Never("it stands for an IPv4 address (Teredo)"),
        [0x2001, 0x1..=0x1ff, ..] => Reach::Never("it is reserved for protocols"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Never("it is for documentation"),
        [0x2620, 0x4f, 0x8000, ..] => Reach::Never("it is reserved for protocols"),
        // ISATAP hides an IPv4 address in the lower half of any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => {
            Reach::Never("it stands for an IPv4 address (ISATAP)")
        }
        [0x2000..=0x3fff, ..] => Reach::Public,
        [0xfc00..=0xfdff, ..] => Reach::Private("it is private"),
        [0xfe80..=0xfebf, ..] => Reach::Never("it is link-local"),
        [0xff00..=0xffff, ..] => Reach::Never("it is multicast"),
        _ => Reach::Never("it is not assigned"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_can_be_asked() {
        for text in [
            "1.1.1.1",
            "93.184.215.14",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.169.0.1",
            "223.255.255.1",
        ] {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
        for text in [
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860::8888",
            "2001:200::1",
            "2003::1",
        ] {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
    }

    #[test]
    fn private_addresses_need_an_explicit_grant() {
        let private = [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.1.1",
        ];
        for text in private
            .into_iter()
            .chain(["::1", "fc00::1", "fd12:3456::1"])
        {
            assert!(matches!(of(text), Reach::Private(_)), "{text}");
        }
    }

    #[test]
    fn addresses_that_no_grant_reaches_are_refused() {
        let v4 = [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ];
        let v6 = [
            "::",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "::ffff:1.1.1.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "100::1",
            "2606:4700::5efe:7f00:1",
        ];
        for text in v4.into_iter().chain(v6) {
            assert!(matches!(of(text), Reach::Never(_)), "{text}");
        }
    }
}
