//! The secrets of one plugin's grant: added to its requests, and masked in the responses.

use std::sync::Arc;

use hayrick_types::egress::grant::EgressGrant;
use hayrick_types::egress::rule::Destination;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE,
};

use crate::egress::error::EgressError;
use crate::egress::redact::Redactor;
use crate::egress::shared::SecretSource;
use crate::secret::Secret;

/// Shorter ones could be guessed, and would be found in any text.
const SECRET_BYTES_MIN: usize = 8;

/// The secrets of a grant in their order; `None` where the variable is not set.
pub(crate) struct Vault {
    grant: Arc<EgressGrant>,
    secrets: Vec<Option<Secret>>,
    redactor: Arc<Redactor>,
}

impl Vault {
    /// Looks the secrets up.
    pub(crate) fn open(grant: Arc<EgressGrant>, source: &SecretSource) -> Vault {
        let secrets: Vec<Option<Secret>> = grant
            .secrets
            .iter()
            .map(|secret| source(&secret.variable))
            .collect();
        let long = secrets
            .iter()
            .flatten()
            .filter(|secret| secret.expose().len() >= SECRET_BYTES_MIN);
        let redactor = Arc::new(Redactor::new(long));
        Vault {
            grant,
            secrets,
            redactor,
        }
    }

    /// Masks all of them.
    pub(crate) fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// Adds the headers that are granted for this destination, and replaces the guest's own. Returns
    /// whether there are any.
    ///
    /// # Errors
    /// A secret is not set, or cannot be sent in a header.
    pub(crate) fn inject(
        &self,
        asked: &Destination,
        headers: &mut HeaderMap,
    ) -> Result<bool, EgressError> {
        let mut is_injected = false;
        for (grant, secret) in self
            .grant
            .secrets
            .iter()
            .zip(&self.secrets)
            .filter(|(grant, _)| grant.to.matches(asked))
        {
            let wrong = |cure: String| EgressError::Secret {
                name: grant.name.clone(),
                cure,
            };
            let variable = &grant.variable;
            let secret = secret
                .as_ref()
                .ok_or_else(|| wrong(format!("set {variable} in the host's environment")))?;
            if secret.expose().len() < SECRET_BYTES_MIN {
                return Err(wrong(format!(
                    "{variable} has fewer than {SECRET_BYTES_MIN} bytes"
                )));
            }
            let invalid = || wrong(format!("{variable} has characters that no header may have"));
            let name: HeaderName = grant.header.parse().map_err(|_| invalid())?;
            let mut value: HeaderValue = grant
                .value(secret.expose())
                .parse()
                .map_err(|_| invalid())?;
            value.set_sensitive(true);
            headers.insert(name, value);
            is_injected = true;
        }
        if is_injected {
            // A secret that comes back compressed, or in halves, would not be found.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            headers.remove(RANGE);
            headers.remove(IF_RANGE);
        }
        Ok(is_injected)
    }
}

/// Whether a response is not compressed, so that secrets can be found in it.
pub(crate) fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}
