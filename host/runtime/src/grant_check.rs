//! Holds what a component asks for against what is granted.

use std::collections::BTreeSet;

use hayrick_types::policy::{Interface, Policy};

use crate::error::DeployError;

/// Whether the plugin `name` may have what a file of it asks for; `before` is what the version
/// before it asked for, if there was one.
///
/// # Errors
/// Names what is not granted, or what is new.
pub fn check_grants(
    name: &str,
    asked: &BTreeSet<Interface>,
    policy: &Policy,
    before: Option<&BTreeSet<Interface>>,
) -> Result<(), DeployError> {
    let refused = policy.refused(asked);
    if !refused.is_empty() {
        return Err(DeployError::NotInPolicy {
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
        Err(DeployError::AsksMore {
            name: name.to_owned(),
            interfaces: unapproved,
        })
    }
}
