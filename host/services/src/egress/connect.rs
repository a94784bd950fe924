//! Connects to the addresses that were checked, and to no others, even if a name resolves to
//! something else by then.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, redirect, retry};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::egress::error::EgressError;

const USER_AGENT: &str = concat!("hayrick/", env!("CARGO_PKG_VERSION"));

/// Makes a client for one request. A connection is never shared: one plugin may reach an address
/// that another may not.
pub(crate) struct Connector {
    connect_timeout: Duration,
    headers_max: usize,
    /// The machine's root certificates are read once, and only if someone asks for https.
    tls: OnceLock<Result<ClientConfig, String>>,
    no_tls: OnceLock<Result<ClientConfig, String>>,
}

/// Resolves every name to the checked addresses.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _name: Name) -> Resolving {
        let addresses = self.0.clone();
        Box::pin(async move {
            Ok(Box::new(addresses.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

impl Connector {
    /// A connector without connections.
    pub(crate) fn new(connect_timeout: Duration, headers_max: usize) -> Connector {
        Connector {
            connect_timeout,
            headers_max,
            tls: OnceLock::new(),
            no_tls: OnceLock::new(),
        }
    }

    /// A client that connects only to these addresses: without proxies from the environment, cookies
    /// and redirects, and with HTTP/1.1 only.
    pub(crate) fn client(
        &self,
        is_tls: bool,
        host: &str,
        ips: &[IpAddr],
    ) -> Result<Client, EgressError> {
        // Port 0 stands for the URL's own.
        let pinned = Pinned(ips.iter().map(|ip| SocketAddr::new(*ip, 0)).collect());
        let builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .user_agent(USER_AGENT)
            .http1_only()
            // More than is passed on, so that a few too many get an error that names the limit.
            .http1_max_headers(self.headers_max.saturating_mul(2))
            .pool_max_idle_per_host(0)
            .connect_timeout(self.connect_timeout)
            .dns_resolver(Arc::new(pinned));
        let unreachable = |reason: String| EgressError::Unreachable {
            host: host.to_owned(),
            reason,
        };
        let builder = self.secure(builder, is_tls).map_err(unreachable)?;
        builder
            .build()
            .map_err(|error| unreachable(error.to_string()))
    }

    fn secure(&self, builder: ClientBuilder, is_tls: bool) -> Result<ClientBuilder, String> {
        let tls = match is_tls {
            true => self
                .tls
                .get_or_init(trusting_the_machine)
                .as_ref()
                .map_err(Clone::clone)?,
            false => self
                .no_tls
                .get_or_init(trusting_nobody)
                .as_ref()
                .map_err(Clone::clone)?,
        };
        Ok(builder.tls_backend_preconfigured(tls.clone()))
    }
}

fn tls() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())
}

fn trusting_the_machine() -> Result<ClientConfig, String> {
    let verified = tls()?.with_platform_verifier();
    let verified = verified
        .map_err(|error| format!("this machine's root certificates cannot be read: {error}"))?;
    let mut config = verified.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// For http: a client needs a configuration even then.
fn trusting_nobody() -> Result<ClientConfig, String> {
    Ok(tls()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}
