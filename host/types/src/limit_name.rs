//! The limits there are, by name: the same name in the settings, in the metric
//! `hayrick_limit_reached_total` and in the error a client gets.
//!
//! The tables of the settings declare them; those that are not settings are declared here.

use std::fmt;

/// A limit that is not a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedLimit {
    pub limit: LimitName,
    /// What it is.
    pub value: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// Makes the enum of all limits from the tables of the settings, and from those that are fixed.
macro_rules! limit_names {
    (
        $(
            $(#[$attribute:meta])*
            pub struct $table:ident in $section:literal named $prefix:literal {
                $(
                    $(#[doc = $doc:literal])+
                    $key:ident: $type:ty as $kind:ident = $preset:expr
                        $(, in $range:expr)? $(, page $page:literal)? $(, limit $limit:ident)?;
                )+
            }
        )+
        fixed {
            $( $(#[doc = $fixed_doc:literal])+ $fixed:ident = $name:literal, value $value:literal; )+
        }
    ) => {
        /// A limit. Those outside `[limits]`, `[engine]` and `[server]` have their section before
        /// the key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LimitName {
            $($($($limit,)?)+)+
            $($fixed,)+
        }

        impl LimitName {
            /// Every limit there is, in the order of their numbers.
            pub const ALL: &'static [LimitName] = &[
                $($($(LimitName::$limit,)?)+)+
                $(LimitName::$fixed,)+
            ];

            /// Those that are not settings.
            pub const FIXED: &'static [FixedLimit] = &[$(FixedLimit {
                limit: LimitName::$fixed,
                value: $value,
                doc: concat!($($fixed_doc),+),
            }),+];

            /// The name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($($(LimitName::$limit => concat!($prefix, stringify!($key)),)?)+)+
                    $(LimitName::$fixed => $name,)+
                }
            }
        }
    };
}

/// Hands on the limits that are not settings.
macro_rules! fixed_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        fixed {
            /// Maximum number of concurrent deploys over HTTP, from the first byte to the answer;
            /// further ones are refused with 429.
            DeploysMax = "deploys_max", value "8";
            /// Maximum rate of requests with one API key; more are refused with 429.
            KeyRate = "keys.rate", value "set when the key is created: `--rate`, `--burst`";
            /// Maximum number of concurrent answers for one API key; further requests are refused
            /// with 429.
            KeyConcurrencyMax = "keys.concurrency_max",
                value "set when the key is created: `--concurrency`";
        }
    } };
}

limits_table!(
    engine_table component_table server_table keys_table jobs_table state_table egress_table
    plugin_table upstream_table fixed_table limit_names
);

impl LimitName {
    /// Its place in [`LimitName::ALL`].
    pub const fn number(self) -> usize {
        self as usize
    }

    /// The limit of this name.
    pub fn parse(name: &str) -> Option<LimitName> {
        let found = LimitName::ALL.iter().find(|limit| limit.as_str() == name);
        found.copied()
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_given_once_and_stands_at_its_number() {
        let mut names: Vec<&str> = LimitName::ALL.iter().map(|limit| limit.as_str()).collect();
        assert!(
            LimitName::ALL
                .iter()
                .enumerate()
                .all(|(place, limit)| limit.number() == place)
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), LimitName::ALL.len());
        assert_eq!(LimitName::EgressHeadersMax.as_str(), "egress.headers_max");
        assert_eq!(LimitName::HeadersMax.as_str(), "headers_max");
    }
}
