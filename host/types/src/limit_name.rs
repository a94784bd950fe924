//! The names of all limits. The settings, the metric `hayrick_limit_reached_total` and errors for
//! clients use the same names.
//!
//! Limits that are settings are declared in the tables of the settings, the others here.

use std::fmt;

/// A limit that is not a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedLimit {
    pub limit: LimitName,
    /// The value, for the settings page.
    pub value: &'static str,
    /// The description.
    pub doc: &'static str,
}

/// Generates the enum of all limits from the tables of the settings and the fixed limits.
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
        /// A limit. Names of limits outside `[limits]`, `[engine]` and `[server]` start with their
        /// section.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LimitName {
            $($($($limit,)?)+)+
            $($fixed,)+
        }

        impl LimitName {
            /// All limits, in the order of their numbers.
            pub const ALL: &'static [LimitName] = &[
                $($($(LimitName::$limit,)?)+)+
                $(LimitName::$fixed,)+
            ];

            /// The limits that are not settings.
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

/// Passes the limits that are not settings to the next macro.
macro_rules! fixed_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        fixed {
            /// Maximum number of concurrent deploys over HTTP, from the first byte to the answer;
            /// further ones are refused with 429.
            DeploysMax = "deploys_max", value "8";
            /// Maximum number of texts in a request for embeddings, as OpenAI has it; more are refused
            /// with 400.
            EmbeddingTextsMax = "embedding_texts_max", value "2048";
            /// Maximum size of a schema that the API of a plugin describes itself by; a longer one
            /// refuses the deploy.
            SchemaBytesMax = "schema_bytes_max", value "64 KiB";
            /// How often a validator may look at one place of an input; a schema with which it could
            /// be more refuses the deploy.
            SchemaVisitsMax = "schema_visits_max", value "256";
            /// Maximum number of regular expressions in a schema; more refuse the deploy.
            SchemaPatternsMax = "schema_patterns_max", value "64";
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
    /// Its index in [`LimitName::ALL`].
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
    fn limit_names_are_unique_and_numbered_in_order() {
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
