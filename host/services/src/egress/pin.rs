//! From an authorised destination to the addresses that may be connected to, and no others.

use std::net::IpAddr;
use std::time::Duration;

use hayrick_types::egress::host::Host;
use hayrick_types::limit_name::LimitName;
use tokio::time::timeout;

use crate::egress::address::{Reach, reach};
use crate::egress::error::EgressError;
use crate::egress::resolver::Resolver;

/// Resolves a host once and checks every address of it: one that is out of reach makes the whole
/// answer suspect. Errors call it `shown`.
pub(crate) async fn pin(
    host: &Host,
    shown: &str,
    private: bool,
    resolver: &dyn Resolver,
    time_max: Duration,
) -> Result<Vec<IpAddr>, EgressError> {
    let ips = match host {
        Host::Ip(ip) => vec![*ip],
        Host::Name(name) => {
            let resolved = timeout(time_max, resolver.resolve(name)).await;
            let late = |_| EgressError::Timeout {
                what: "resolving a name",
                limit: Some(LimitName::EgressConnectTimeout),
                max: time_max,
            };
            resolved.map_err(late)?.unwrap_or_default()
        }
    };
    if ips.is_empty() {
        return Err(EgressError::Unresolved {
            host: shown.to_owned(),
        });
    }
    for ip in &ips {
        check(shown, *ip, private)?;
    }
    Ok(ips)
}

fn check(shown: &str, ip: IpAddr, private: bool) -> Result<(), EgressError> {
    let reason = match reach(ip) {
        Reach::Public => return Ok(()),
        Reach::Private(_) if private => return Ok(()),
        Reach::Private(what) => {
            format!("{what}; if that is wanted, add private = true to its [[egress]]")
        }
        Reach::Never(what) => format!("{what}, which nothing can grant"),
    };
    Err(EgressError::Prohibited {
        host: shown.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::egress::resolver::Resolving;

    struct Fixed(Vec<&'static str>);

    impl Resolver for Fixed {
        fn resolve(&self, _name: &str) -> Resolving {
            let ips = self
                .0
                .iter()
                .map(|text| text.parse().map_err(io::Error::other))
                .collect();
            Box::pin(async move { ips })
        }
    }

    async fn pinned(answers: &[&'static str], private: bool) -> Result<usize, String> {
        let host = Host::Name("example.com".to_owned());
        let pinned = pin(
            &host,
            "example.com",
            private,
            &Fixed(answers.to_vec()),
            Duration::from_secs(1),
        )
        .await;
        pinned
            .map(|ips| ips.len())
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn one_bad_address_spoils_the_answer() {
        assert_eq!(pinned(&["1.1.1.1", "2606:4700::1111"], false).await, Ok(2));
        for bad in [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "::1",
            "::ffff:10.0.0.1",
            "fd00:ec2::254",
        ] {
            let error = pinned(&["1.1.1.1", bad], false).await.unwrap_err();
            assert!(
                error.contains("cannot be asked") && !error.contains(bad),
                "{bad}: {error}"
            );
        }
        assert!(pinned(&[], false).await.unwrap_err().contains("not known"));
    }

    #[tokio::test]
    async fn private_is_private_and_not_the_link() {
        assert_eq!(pinned(&["127.0.0.1", "::1", "10.0.0.1"], true).await, Ok(3));
        for bad in [
            "169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
            "0.0.0.0",
            "::ffff:127.0.0.1",
            "100.100.100.200",
        ] {
            assert!(
                pinned(&[bad], true)
                    .await
                    .unwrap_err()
                    .contains("nothing can grant"),
                "{bad}"
            );
        }
    }
}
