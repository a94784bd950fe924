//! What an operator writes for one plugin, or in `[grants]` for all.

use crate::settings::row::{Kind, Preset, Row};

/// The most tokens of a budget.
const TOKENS_MAX: u64 = 1 << 50;

keywords! {
    /// Whether an instance serves one run or many.
    pub enum InstanceKind {
        /// A fresh instance for every run.
        Isolated = "isolated",
        /// One instance for many runs.
        Warm = "warm",
    }
}

keywords! {
    /// When an update may ask for more than the version before it.
    pub enum UpgradeRule {
        /// When the plugin's own file names the interface.
        Named = "named",
        /// Whenever the interface is granted.
        Any = "any",
    }
}

/// Hands on the tables of a plugin's file that have limits of their own.
macro_rules! plugin_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Which models a plugin may ask, and for how much.
        pub struct ModelGrant in "models" named "models." {
            /// Aliases of upstreams that the plugin may ask. The first one answers when the plugin
            /// names none.
            aliases: Option<Vec<String>> as optional_list = "every upstream";
            /// Tokens of one run, prompts and answers together; beyond it the run fails with 429.
            run_tokens_max: Option<u64> as optional_count = "no limit", in 0 ..= TOKENS_MAX,
                limit RunTokensMax;
            /// Tokens of all runs of a day (UTC); beyond it runs fail with 429 until the next day.
            day_tokens_max: Option<u64> as optional_count = "no limit", in 0 ..= TOKENS_MAX,
                limit DayTokensMax;
        }
    } };
}

plugin_table!(settings);

settings! {
    /// How long an instance lives.
    #[derive(Copy)]
    pub struct InstanceSettings in "" named "" {
        /// `isolated` gives every run a fresh instance; `warm` lets runs follow each other in one
        /// instance, which is several times as fast and lets the plugin see what its own earlier
        /// runs left in memory.
        instance: InstanceKind as keyword = "isolated";
        /// Runs after which a warm instance is replaced.
        warm_runs_max: u32 as count = 1000, in 1 ..= 1_000_000_000;
    }

    /// What only `[grants]` says.
    #[derive(Copy)]
    pub struct UpgradeSettings in "grants" named "" {
        /// Whether an update that asks for more than the version before it must be named in the
        /// plugin's own file (`named`), or may ask for all that is granted (`any`).
        upgrades: UpgradeRule as keyword = "named";
    }

    /// What a plugin may do with the queue.
    #[derive(Copy)]
    pub struct JobGrant in "jobs" named "jobs." {
        /// Whether runs of the plugin may submit jobs; clients of its HTTP routes may in any case.
        submit: bool as flag = true;
        /// Pending jobs of the plugin, whoever submitted them; one more is refused with 429.
        pending_max: u64 as count = 100_000, in 0 ..= 1_000_000_000,
            page "`pending_max` of `[jobs]` in hayrick.toml", limit JobsPendingMax;
        /// Attempts of the plugin at a time; further jobs wait.
        running_max: usize as count = 4, in 1 ..= 4096,
            page "`plugin_jobs_max` of `[jobs]` in hayrick.toml";
    }
}

/// What a plugin may import; a function reads it.
pub const INTERFACES_ROWS: &[Row] = &[Row {
    preset_text: Some("all but `http`; in a plugin's file, what `[grants]` says"),
    ..Row::new(
        "interfaces",
        Kind::List,
        Preset::List(&[]),
        "Interfaces that a plugin may import, of those that need a grant.",
    )
}];

/// Values for a plugin.
pub const CONFIG_ROWS: &[Row] = &[Row::new(
    "KEY",
    Kind::Text("text"),
    Preset::Absent("no value"),
    "A value that the plugin reads with `config.get`; not for secrets. Up to 1000 values of 64 \
     KiB.",
)];

/// The port of an `[[egress]]`.
pub const EGRESS_PORT: Row = Row {
    preset_text: Some("the port of the scheme"),
    ..Row::new(
        "port",
        Kind::Count(1..=65_535),
        Preset::Number(443),
        "Port of the requests.",
    )
};

/// One `[[egress]]`; a function reads it.
pub const EGRESS_RULE_ROWS: &[Row] = &[
    Row::new(
        "host",
        Kind::Text("host"),
        Preset::Required,
        "Name, IP address, or `*.example.com` for every name below it.",
    ),
    Row::new(
        "scheme",
        Kind::Choice(&["http", "https"]),
        Preset::Text("https"),
        "Scheme of the requests.",
    ),
    EGRESS_PORT,
    Row {
        preset_text: Some("every method"),
        ..Row::new(
            "methods",
            Kind::List,
            Preset::List(&[]),
            "Methods of the requests; never `CONNECT` or `TRACE`.",
        )
    },
    Row::new(
        "path",
        Kind::Text("path"),
        Preset::Text("/"),
        "What paths begin with, in whole segments.",
    ),
    Row::new(
        "private",
        Kind::Flag,
        Preset::Flag(false),
        "Whether the host may have a private or loopback address.",
    ),
];

/// One `[secrets.NAME]`; a function reads it.
pub const SECRET_ROWS: &[Row] = &[
    Row::new(
        "env",
        Kind::Text("variable"),
        Preset::Required,
        "Variable of the host's environment that holds the secret; 8 bytes or more.",
    ),
    Row::new(
        "to",
        Kind::Text("URL"),
        Preset::Required,
        "Requests that get the secret: scheme, host, port and the beginning of the path.",
    ),
    Row::new(
        "header",
        Kind::Text("header"),
        Preset::Text("authorization"),
        "Header that carries the secret.",
    ),
    Row {
        preset_text: Some("`Bearer {}` for `authorization`, else `{}`"),
        ..Row::new(
            "template",
            Kind::Text("text"),
            Preset::Text("Bearer {}"),
            "Value of the header; `{}` stands for the secret.",
        )
    },
];
