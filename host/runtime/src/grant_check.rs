//! Checks that a component asks only for interfaces that it is granted.

use std::collections::BTreeSet;

use hayrick_types::policy::{Interface, Policy};

use crate::error::DeployError;

/// Checks that the plugin `name` may import the interfaces `asked`. `before` is what its previous
/// version asked for, if there was one.
///
/// # Errors
/// An interface is not granted, or is new and not yet approved. The error names them.
pub fn check_grants(
    name: &str,
    asked: &BTreeSet<Interface>,
    policy: &Policy,
    before: Option<&BTreeSet<Interface>>,
) -> Result<(), DeployError> {
    let refused = policy.refused(asked);
    if !refused.is_empty() {
        return Err(DeployError::NotGranted {
            name: name.to_owned(),
            interfaces: refused,
        });
    }
    let unapproved = before
        .map(|before| policy.unapproved(asked, before))
        .unwrap_or_default();
    if unapproved.is_empty() {
        Ok(())
    } else {
        Err(DeployError::NewInterfaces {
            name: name.to_owned(),
            interfaces: unapproved,
        })
    }
}
