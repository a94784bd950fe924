//! What the operator allows a plugin to do. A component asks for interfaces by importing them; it
//! gets only those that its policy grants.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::egress::grant::EgressGrant;
use crate::for_each_import;
use crate::settings::limits::Limits;
use crate::settings::plugin::{InstanceKind, InstanceSettings, JobGrant, ModelGrant};
use crate::settings::state::StateQuota;

/// Makes [`Interface`] from the rows of the contract's table that need a grant.
macro_rules! interfaces {
    (
        granted { $($(#[$doc:meta])* $variant:ident $module:ident $name:literal $grant:ident,)+ }
        free { $($free_module:ident $free_name:literal,)+ }
    ) => {
        /// An interface with effects beyond the run that calls it, which therefore needs a grant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Interface {
            $($(#[$doc])* $variant),+
        }

        impl Interface {
            /// Every one.
            pub const ALL: [Interface; [$($name),+].len()] = [$(Interface::$variant),+];

            /// Its name in the contract and in policy files.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Interface::$variant => $name),+
                }
            }

            /// Whether it is granted by default.
            const fn is_default(self) -> bool {
                match self {
                    $(Interface::$variant => interfaces!(@$grant)),+
                }
            }
        }
    };
    (@default) => { true };
    (@on_request) => { false };
}

for_each_import!(interfaces);

impl Interface {
    /// The interfaces granted by default: all that stay within the host.
    pub fn granted_by_default() -> BTreeSet<Interface> {
        Interface::ALL
            .into_iter()
            .filter(|interface| interface.is_default())
            .collect()
    }

    /// The interface of that name.
    pub fn parse(name: &str) -> Option<Interface> {
        Interface::ALL
            .into_iter()
            .find(|interface| interface.as_str() == name)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// How long an instance lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InstanceClass {
    /// A fresh instance for every run: runs cannot affect each other.
    #[default]
    Isolated,
    /// One instance for many runs, one at a time; a plugin sees what its earlier runs left in
    /// memory.
    Warm {
        /// Number of runs after which the instance is replaced.
        runs_max: u32,
    },
}

impl From<InstanceSettings> for InstanceClass {
    fn from(settings: InstanceSettings) -> InstanceClass {
        match settings.instance {
            InstanceKind::Isolated => InstanceClass::Isolated,
            InstanceKind::Warm => InstanceClass::Warm {
                runs_max: settings.warm_runs_max,
            },
        }
    }
}

/// All grants and limits of a plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What it may import.
    pub interfaces: BTreeSet<Interface>,
    /// The interfaces that the plugin's own file names. An update may ask for these even if the
    /// previous version did not.
    pub named: BTreeSet<Interface>,
    /// Whether an update may ask for any granted interface, even one that is not in `named`.
    pub upgrades_may_ask: bool,
    pub models: ModelGrant,
    /// Values for the plugin, by key.
    pub config: BTreeMap<String, String>,
    pub state: StateQuota,
    pub jobs: JobGrant,
    /// The HTTP requests that it may make.
    pub egress: Arc<EgressGrant>,
    pub instance: InstanceClass,
    pub limits: Limits,
}

impl Policy {
    /// Whether `before` grants something that this policy does not. Limits and quotas do not count
    /// as grants.
    pub fn takes_from(&self, before: &Policy) -> bool {
        let lacks_model = match (&before.models.aliases, &self.models.aliases) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(now)) => before.iter().any(|alias| !now.contains(alias)),
        };
        let (egress, earlier) = (&self.egress, &before.egress);
        lacks_model
            || !self.interfaces.is_superset(&before.interfaces)
            || (before.jobs.submit && !self.jobs.submit)
            || earlier
                .rules
                .iter()
                .any(|rule| !egress.rules.contains(rule))
            || earlier
                .secrets
                .iter()
                .any(|secret| !egress.secrets.contains(secret))
    }

    /// The interfaces in `asked` that are not granted.
    pub fn refused(&self, asked: &BTreeSet<Interface>) -> BTreeSet<Interface> {
        asked.difference(&self.interfaces).copied().collect()
    }

    /// The interfaces in `asked` that the previous version did not ask for and that the policy file
    /// does not name.
    pub fn unapproved(
        &self,
        asked: &BTreeSet<Interface>,
        before: &BTreeSet<Interface>,
    ) -> BTreeSet<Interface> {
        if self.upgrades_may_ask {
            return BTreeSet::new();
        }
        asked
            .difference(before)
            .filter(|interface| !self.named.contains(interface))
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn policy(named: &[Interface]) -> Policy {
        Policy {
            interfaces: Interface::granted_by_default(),
            named: named.iter().copied().collect(),
            upgrades_may_ask: false,
            models: ModelGrant::default(),
            config: BTreeMap::new(),
            state: StateQuota {
                value_bytes_max: 1,
                keys_max: 1,
                bytes_max: 1,
                ..StateQuota::default()
            },
            jobs: JobGrant {
                submit: true,
                pending_max: 1,
                running_max: 1,
                cpu_time_max: Duration::from_secs(1),
            },
            egress: Arc::default(),
            instance: InstanceClass::default(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn imports_are_checked_against_grants_and_the_previous_version() {
        let asked = BTreeSet::from([Interface::Llm, Interface::State, Interface::Http]);
        assert_eq!(
            policy(&[]).refused(&asked),
            BTreeSet::from([Interface::Http])
        );
        let before = BTreeSet::from([Interface::Llm]);
        assert_eq!(
            policy(&[]).unapproved(&asked, &before),
            BTreeSet::from([Interface::State, Interface::Http])
        );
        assert_eq!(
            policy(&[Interface::State]).unapproved(&asked, &before),
            BTreeSet::from([Interface::Http])
        );
        let open = Policy {
            upgrades_may_ask: true,
            ..policy(&[])
        };
        assert!(open.unapproved(&asked, &before).is_empty());
    }

    #[test]
    fn interface_names_survive_a_round_trip() {
        for interface in Interface::ALL {
            assert_eq!(Interface::parse(interface.as_str()), Some(interface));
        }
        assert_eq!(Interface::parse("response"), None);
    }

    #[test]
    fn a_policy_takes_from_another_only_what_it_does_not_grant() {
        let (wide, mut narrow) = (policy(&[]), policy(&[]));
        narrow.limits.cpu_time_max = Duration::from_millis(7);
        narrow.state.keys_max = 0;
        assert!(!narrow.takes_from(&wide));
        let take: [fn(&mut Policy); 3] = [
            |policy| policy.interfaces.clear(),
            |policy| policy.models.aliases = Some(vec!["a".to_owned()]),
            |policy| policy.jobs.submit = false,
        ];
        for take in take {
            let mut narrow = policy(&[]);
            take(&mut narrow);
            assert!(narrow.takes_from(&wide) && !wide.takes_from(&narrow));
        }
    }
}
