//! What an operator sets for one plugin, or in `[grants]` for all.

use std::time::Duration;

use crate::settings::ranges::TIMES;
use crate::settings::row::{Kind, Preset, Row};

/// The largest token budget.
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

/// Passes the tables of a plugin's file that have limits to the next macro.
macro_rules! plugin_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// Which models a plugin may use, and how much.
        pub struct ModelGrant in "models" named "models." {
            /// Aliases of the upstreams that the plugin may use. The first one is the plugin's
            /// default.
            aliases: Option<Vec<String>> as optional_list = "every upstream";
            /// Maximum number of tokens per run, prompts and answers together; a run that needs
            /// more fails with 429.
            run_tokens_max: Option<u64> as optional_count = "no limit", in 0 ..= TOKENS_MAX,
                limit RunTokensMax;
            /// Maximum number of tokens of all runs per day (UTC); after that, runs fail with 429
            /// until the next day.
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
        /// `isolated` gives every run a fresh instance. `warm` reuses an instance for one run after
        /// another, which is several times as fast, but the plugin then sees what its earlier runs
        /// left in memory.
        instance: InstanceKind as keyword = "isolated";
        /// Number of runs after which a warm instance is replaced.
        warm_runs_max: u32 as count = 1000, in 1 ..= 1_000_000_000;
    }

    /// What can be set only in `[grants]`.
    #[derive(Copy)]
    pub struct UpgradeSettings in "grants" named "" {
        /// Which interfaces an update may add to those of the previous version: those that the
        /// plugin's own file names (`named`), or all that are granted (`any`).
        upgrades: UpgradeRule as keyword = "named";
    }

    /// What a plugin may do with the job queue.
    #[derive(Copy)]
    pub struct JobGrant in "jobs" named "jobs." {
        /// Whether runs of the plugin may submit jobs. Clients can always submit jobs through the
        /// HTTP routes.
        submit: bool as flag = true;
        /// Maximum number of pending jobs of the plugin, no matter who submitted them; further ones
        /// are refused with 429.
        pending_max: u64 as count = 100_000, in 0 ..= 1_000_000_000,
            page "`pending_max` of `[jobs]` in hayrick.toml", limit JobsPendingMax;
        /// Maximum number of concurrent attempts of the plugin; further jobs wait.
        running_max: usize as count = 4, in 1 ..= 4096,
            page "`plugin_jobs_max` of `[jobs]` in hayrick.toml";
        /// Maximum time that one attempt may compute; waiting does not count.
        cpu_time_max: Duration as duration = Duration::from_mins(5), in TIMES,
            page "`cpu_time_max` of `[jobs]` in hayrick.toml", limit JobCpuTimeMax;
    }
}

/// What a plugin may import. A function reads this row.
pub const INTERFACES_ROWS: &[Row] = &[Row {
    preset_text: Some("all but `http`; in a plugin's file, those of `[grants]`"),
    ..Row::new(
        "interfaces",
        Kind::List,
        Preset::List(&[]),
        "Interfaces that a plugin may import. Only interfaces that need a grant are listed.",
    )
}];

/// Values for a plugin.
pub const CONFIG_ROWS: &[Row] = &[Row::new(
    "KEY",
    Kind::Text("text"),
    Preset::Absent("no value"),
    "A value that the plugin reads with `config.get`; do not put secrets here. At most 1000 \
     values of 64 KiB each.",
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

/// One `[[egress]]`. A function reads these rows.
pub const EGRESS_RULE_ROWS: &[Row] = &[
    Row::new(
        "host",
        Kind::Text("host"),
        Preset::Required,
        "Host name, IP address, or `*.example.com` for all its subdomains.",
    ),
    Row::new(
        "scheme",
        Kind::Choice(&["http", "https"]),
        Preset::Text("https"),
        "URL scheme of the requests.",
    ),
    EGRESS_PORT,
    Row {
        preset_text: Some("every method"),
        ..Row::new(
            "methods",
            Kind::List,
            Preset::List(&[]),
            "Allowed methods; `CONNECT` and `TRACE` are never allowed.",
        )
    },
    Row::new(
        "path",
        Kind::Text("path"),
        Preset::Text("/"),
        "Path prefix of the requests, in whole segments.",
    ),
    Row::new(
        "private",
        Kind::Flag,
        Preset::Flag(false),
        "Whether the host may resolve to a private or loopback address.",
    ),
];

/// One `[secrets.NAME]`. A function reads these rows.
pub const SECRET_ROWS: &[Row] = &[
    Row::new(
        "env",
        Kind::Text("variable"),
        Preset::Required,
        "Environment variable of the server that holds the secret, at least 8 bytes long.",
    ),
    Row::new(
        "to",
        Kind::Text("URL"),
        Preset::Required,
        "URL prefix of the requests that get the secret: scheme, host, port and path prefix.",
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
