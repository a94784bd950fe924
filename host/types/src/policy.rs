//! What the operator lets one plugin do. A component's imports are what it asks; what it gets is
//! the part of that which stands here.

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
        /// An interface that reaches beyond the run it is called in, and so needs a grant.
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

            /// Whether a plugin has it where nobody says otherwise.
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
    /// What a plugin is granted where nobody says otherwise: all that stays within the host.
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
    /// A fresh one for every run: nothing of one run can reach another.
    #[default]
    Isolated,
    /// One run after the other in the same instance; a plugin sees what its own earlier runs left
    /// in memory.
    Warm {
        /// Runs after which the instance goes.
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

/// All that one plugin is granted.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What it may import.
    pub interfaces: BTreeSet<Interface>,
    /// The part of it that the plugin's own file names: an update may ask for that much more than
    /// the version before it.
    pub named: BTreeSet<Interface>,
    /// Whether an update may ask for more than the version before it without its being named.
    pub upgrades_may_ask: bool,
    pub models: ModelGrant,
    /// Values for the plugin, by key.
    pub config: BTreeMap<String, String>,
    pub state: StateQuota,
    pub jobs: JobGrant,
    /// Whom it may ask over the network.
    pub egress: Arc<EgressGrant>,
    pub instance: InstanceClass,
    pub limits: Limits,
}

impl Policy {
    /// Of `asked`, what is not granted.
    pub fn refused(&self, asked: &BTreeSet<Interface>) -> BTreeSet<Interface> {
        asked.difference(&self.interfaces).copied().collect()
    }

    /// Of `asked`, what the version before did not ask for and nobody has granted since.
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
            },
            jobs: JobGrant {
                submit: true,
                pending_max: 1,
                running_max: 1,
            },
            egress: Arc::default(),
            instance: InstanceClass::default(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn what_is_asked_is_held_against_what_is_granted_and_what_was_asked_before() {
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
    fn names_are_read_as_they_are_written() {
        for interface in Interface::ALL {
            assert_eq!(Interface::parse(interface.as_str()), Some(interface));
        }
        assert_eq!(Interface::parse("response"), None);
    }
}
