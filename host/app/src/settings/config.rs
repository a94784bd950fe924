//! The configuration of the program. A flag overrides an environment variable, which overrides the
//! file, which overrides the default.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use hayrick_api::config::ApiConfig;
use hayrick_runtime::config::{Policies, RuntimeConfig};
use hayrick_services::jobs::config::JobsConfig;
use hayrick_services::llm::config::LlmConfig;
use hayrick_services::tasks::config::TasksConfig;
use hayrick_types::settings::egress::EgressSettings;
use hayrick_types::settings::state::{StateQuota, StateRetention};
use hayrick_types::settings::tasks::TasksSettings;
use hayrick_worker::config::WorkerConfig;

use crate::compile::own_program;
use crate::settings::environment::Environment;
use crate::settings::folders::read_data_dir;
use crate::settings::found::{EffectiveSetting, Source};
use crate::settings::mistake::{ConfigError, Mistake};
use crate::settings::policy::PolicyFolder;
use crate::settings::rules::Rules;
use crate::settings::section::Section;
use crate::settings::server::{read_address, read_keys, read_server};
use crate::settings::sources::Sources;

/// A configuration without mistakes.
pub struct Config {
    /// Port 0 picks a free one.
    pub address: SocketAddr,
    pub data_dir: PathBuf,
    pub api: ApiConfig,
    pub runtime: RuntimeConfig,
    /// The policies that `runtime` uses.
    pub policies: Arc<PolicyFolder>,
    pub llm: LlmConfig,
    pub jobs: JobsConfig,
    pub worker: WorkerConfig,
    pub tasks: TasksConfig,
    pub state: StateQuota,
    pub state_retention: StateRetention,
    pub egress: EgressSettings,
    /// The source of the secrets that policies name.
    pub environment: Environment,
    /// Settings that are valid but unwise, to be logged before the first request.
    pub warnings: Vec<String>,
    /// Every setting with its value and the source of the value.
    pub found: Vec<EffectiveSetting>,
}

impl Config {
    /// Resolves the configuration.
    ///
    /// # Errors
    /// All mistakes, in the order in which sections are read.
    pub fn resolve(sources: Sources) -> Result<Config, ConfigError> {
        let (file, mut warnings) = (sources.file.clone(), Vec::new());
        let (config, reading) = Section::read(file, Source::File, |top| {
            Config::read(top, &sources, &mut warnings)
        });
        if reading.mistakes.is_empty() {
            Ok(Config {
                warnings,
                found: reading.found,
                ..config
            })
        } else {
            Err(ConfigError(reading.mistakes))
        }
    }

    fn read(top: &mut Section, sources: &Sources, warnings: &mut Vec<String>) -> Config {
        let Sources {
            flags, environment, ..
        } = sources;
        let data_dir = read_data_dir(top, flags);
        let keys = top.section("keys", |keys| read_keys(keys, &data_dir));
        let (address, api) = top.section("server", |server| {
            read_server(server, flags, &keys, warnings)
        });
        let rules = Rules::read_in(top, &data_dir, flags, environment, warnings);
        let tasks = top.section("tasks", |tasks| {
            TasksSettings::read(tasks, &TasksSettings::default())
        });
        let egress = top.section("egress", |egress| {
            EgressSettings::read(egress, &EgressSettings::default())
        });
        let tasks = TasksConfig {
            settings: tasks,
            ..TasksConfig::default()
        };
        let environment = environment.clone();
        Config::new(rules, address, data_dir, api, tasks, egress, environment)
    }

    fn new(
        rules: Rules,
        address: SocketAddr,
        data_dir: PathBuf,
        api: ApiConfig,
        tasks: TasksConfig,
        egress: EgressSettings,
        environment: Environment,
    ) -> Config {
        let runtime = RuntimeConfig {
            plugins_dir: rules.plugins_dir,
            cache_dir: data_dir.join("cache"),
            cache_key: data_dir.join("cache.key"),
            compiler: own_program(),
            compile: rules.compile,
            policies: Arc::clone(&rules.policies) as Arc<dyn Policies>,
            approvals: rules.approvals,
            limits: rules.limits,
            engine: rules.engine,
            jobs_max: rules.jobs.jobs_max,
        };
        Config {
            address,
            data_dir,
            api,
            runtime,
            policies: rules.policies,
            llm: rules.llm,
            worker: WorkerConfig {
                jobs_max: rules.jobs.jobs_max,
                ..WorkerConfig::default()
            },
            jobs: JobsConfig {
                settings: rules.jobs,
                retention: rules.retention,
                ..JobsConfig::default()
            },
            tasks,
            state: rules.state,
            state_retention: rules.state_retention,
            egress,
            environment,
            warnings: Vec::new(),
            found: Vec::new(),
        }
    }
}

/// The data folder of a server with these settings. Mistakes in other settings are ignored.
///
/// # Errors
/// The setting of the folder is invalid.
pub fn data_dir(sources: Sources) -> Result<PathBuf, ConfigError> {
    let Sources { flags, file, .. } = sources;
    let (data_dir, reading) = Section::read(file, Source::File, |top| read_data_dir(top, &flags));
    only(reading.mistakes, &["data_dir"])?;
    Ok(data_dir)
}

/// The address a server with these settings listens on, for a client on the same machine. Mistakes
/// in other settings are ignored.
///
/// # Errors
/// The mistakes in host and port.
pub fn server_address(sources: Sources) -> Result<SocketAddr, ConfigError> {
    let Sources { flags, file, .. } = sources;
    let (mut address, reading) = Section::read(file, Source::File, |top| {
        top.section("server", |server| read_address(server, &flags))
    });
    only(
        reading.mistakes,
        &["--host", "server", "server.host", "server.port"],
    )?;
    if address.ip().is_unspecified() {
        // A server can listen on all addresses, but a client has to connect to one.
        address.set_ip(if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    Ok(address)
}

/// Fails if there are mistakes at these paths.
fn only(mistakes: Vec<Mistake>, paths: &[&str]) -> Result<(), ConfigError> {
    let mistakes: Vec<Mistake> = mistakes
        .into_iter()
        .filter(|mistake| paths.contains(&mistake.path.as_str()))
        .collect();
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(ConfigError(mistakes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hayrick_types::settings::engine::PagemapScan;
    use hayrick_types::settings::limits::Limits;

    use super::*;
    use crate::settings::flags::Flags;

    fn sources(flags: Flags, file: &str, variables: &[(&str, &str)]) -> Sources {
        let environment: Environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Sources {
            flags,
            file: file.parse().unwrap(),
            environment,
        }
    }

    fn resolve(file: &str, variables: &[(&str, &str)]) -> Config {
        Config::resolve(sources(Flags::default(), file, variables))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The policy of a plugin without its own file.
    fn policy(config: &Config) -> hayrick_types::policy::Policy {
        config
            .runtime
            .policies
            .of(&hayrick_types::id::PipelineName::parse("nobody").unwrap())
            .unwrap()
    }

    fn mistakes(flags: Flags, file: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let error = Config::resolve(sources(flags, file, variables))
            .err()
            .unwrap();
        error.0.iter().map(Mistake::to_string).collect()
    }

    #[test]
    fn without_settings_the_defaults_apply() {
        let config = resolve("", &[]);
        assert_eq!(config.address.to_string(), "127.0.0.1:1416");
        let engine = config.runtime.engine;
        let limits = Limits {
            plugin_memory_bytes_max: engine.host_memory_bytes_max / 2,
            ..Limits::default()
        };
        assert_eq!(
            (policy(&config).limits, engine.host_runs_max),
            (limits, 4096)
        );
        assert_eq!(
            (config.runtime.plugins_dir, config.runtime.cache_dir),
            ("plugins".into(), ".hayrick/cache".into())
        );
        assert!(
            config.llm.upstreams.is_empty()
                && config.llm.default.is_none()
                && config.warnings.is_empty()
        );
    }

    #[test]
    fn flags_override_the_file_and_the_file_overrides_defaults() {
        let file =
            "plugins_dir = 'of-file'\ndata_dir = 'data'\n[server]\nhost = '::1'\nport = 2000";
        let flags = Flags {
            port: Some(0),
            plugins_dir: Some("of-flag".into()),
            ..Flags::default()
        };
        let config =
            Config::resolve(sources(flags, file, &[])).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.address.to_string(), "[::1]:0");
        assert_eq!(
            (config.runtime.plugins_dir, config.data_dir),
            ("of-flag".into(), "data".into())
        );
    }

    #[test]
    fn every_section_is_read() {
        let config = resolve(
            "[server]\nbody_bytes_max = '1 MiB'\ndrain_deadline = '0s'\nforwarded_headers = \
             ['X-User']\n\
             [limits]\nmemory_bytes_max = '64 MiB'\ncpu_time_max = '500ms'\nplugin_queue_max = 0\n\
             [engine]\nhost_runs_max = 64\npagemap_scan = 'off'\ncompile_memory_bytes_max = '1 \
              GiB'\ncompile_cpu_time_max = '5s'\n\
             compile_time_max = '9s'\nartifact_bytes_max = '1 MiB'\ncache_bytes_max = '2 MiB'\n\
              [component]\nfunctions_max = 7",
            &[],
        );
        assert_eq!(
            (
                config.api.server.body_bytes_max,
                config.api.server.drain_deadline
            ),
            (1 << 20, Duration::ZERO)
        );
        assert_eq!(config.api.server.forwarded_headers, ["x-user"]);
        let limits = policy(&config).limits;
        assert_eq!(
            (
                limits.memory_bytes_max,
                limits.cpu_time_max,
                limits.plugin_queue_max
            ),
            (64 << 20, Duration::from_millis(500), 0)
        );
        assert_eq!(
            (
                config.runtime.engine.host_runs_max,
                config.runtime.engine.pagemap_scan
            ),
            (64, PagemapScan::Off)
        );
        let compile = config.runtime.compile;
        assert_eq!(
            (
                compile.limits.compile_memory_bytes_max,
                compile.limits.compile_cpu_time_max
            ),
            (1 << 30, Duration::from_secs(5))
        );
        assert_eq!(
            (
                compile.limits.compile_time_max,
                compile.limits.artifact_bytes_max,
                config.runtime.engine.cache_bytes_max
            ),
            (Duration::from_secs(9), 1 << 20, 2 << 20)
        );
        assert_eq!(
            (compile.bounds.functions_max, compile.bounds.nesting_max),
            (7, 16)
        );
    }

    #[test]
    fn all_mistakes_are_reported_with_their_paths() {
        let file = "color = 1\n[server]\nport = 70000\nbody_bytes = 5\nforwarded_headers = ['a \
         b']\n\
            [limits]\ncpu_time_max = 10\nmemory_bytes_max = 0\nplugin_runs_max = 0\nlog_lines_max \
             = 'many'\n\
            [engine]\npagemap_scan = 'on'\n\
            [upstreams.gpt]\nbase_url = 'api.openai.com'\nmodel = 'm'\nconnect_timeout = '5 sec'\n\
             api_key_env = 'GPT_KEY'\nfallbacks = ['gtp4', 'gpt']\n\
            [upstreams.'gpt 4']\nmodel = 'm'\napi_key = 'k'\napi_key_env = 'HOME'\n\
             [upstreams.'gpt 4'.cache]\nttl = '0s'";
        let flags = Flags {
            host: Some("0.0.0.0".to_owned()),
            ..Flags::default()
        };
        assert_eq!(
            mistakes(flags, file, &[]),
            [
                "server.port: 70000 is out of range: write 0 to 65535",
                "--host: other machines can reach 0.0.0.0, and there are no API keys yet: create \
                 one with `hayrick keys create`, use 127.0.0.1, or add --insecure",
                "server.forwarded_headers: invalid header name 'a b'",
                "server.body_bytes: unknown key; did you mean 'body_bytes_max'?",
                "engine.pagemap_scan: invalid value 'on': write \"auto\" or \"off\"",
                "limits.memory_bytes_max: 0 B is out of range: write 64 KiB to 4 GiB",
                "limits.cpu_time_max: must be a duration such as \"10s\", not an integer",
                "limits.plugin_runs_max: 0 is out of range: write 1 to 16384",
                "limits.log_lines_max: must be a whole number, not a string",
                "upstreams.gpt.base_url: invalid URL 'api.openai.com': write something like \
                 \"https://api.openai.com/v1\"",
                "upstreams.gpt.api_key_env: the variable GPT_KEY is not set: set it, or remove \
                 this line",
                "upstreams.gpt.connect_timeout: invalid duration '5 sec': write something like \
                 \"500ms\", \"10s\" or \"5m\"",
                "upstreams.\"gpt 4\": invalid alias: use 1 to 64 letters, digits, '-', '_', '.', \
                 '/' or ':'",
                "upstreams.\"gpt 4\".base_url: is missing: write the URL that /chat/completions \
                 is appended to",
                "upstreams.\"gpt 4\": more than one of api_key, api_key_env and api_key_file is \
                 set: keep one",
                "upstreams.\"gpt 4\".cache.ttl: 0ms is out of range: write 1ms to 30d",
                "upstreams.gpt.fallbacks: there is no upstream 'gtp4'; did you mean 'gpt 4'?",
                "upstreams.gpt.fallbacks: 'gpt' falls back to itself: name another upstream",
                "default_upstream: is missing: there are several upstreams, so name the one to \
                 use when a plugin names none",
                "color: unknown key",
            ]
        );
    }

    #[test]
    fn an_open_address_needs_insecure_and_gives_a_warning() {
        let flags = Flags {
            host: Some("0.0.0.0".to_owned()),
            insecure: true,
            ..Flags::default()
        };
        let config =
            Config::resolve(sources(flags, "", &[])).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            config
                .warnings
                .iter()
                .any(|warning| warning.starts_with("INSECURE")),
            "{:?}",
            config.warnings
        );
        let in_file = mistakes(Flags::default(), "[server]\nhost = '192.0.2.1'", &[]);
        assert!(
            in_file.len() == 1
                && in_file[0].starts_with("server.host: other machines can reach 192.0.2.1"),
            "{in_file:?}"
        );
        let no_address = mistakes(
            Flags {
                host: Some("hay".to_owned()),
                ..Flags::default()
            },
            "",
            &[],
        );
        assert_eq!(
            no_address,
            ["--host: invalid IP address 'hay': write something like 127.0.0.1"]
        );
    }

    #[test]
    fn clients_use_the_address_of_the_server() {
        let listen = |file: &str| {
            server_address(sources(Flags::default(), file, &[])).map(|address| address.to_string())
        };
        assert_eq!(
            listen("[server]\nhost = '0.0.0.0'\nport = 2000\n[limits]\nx = 1"),
            Ok("127.0.0.1:2000".to_owned())
        );
        assert_eq!(listen("[server]\nport = -1").unwrap_err().0.len(), 1);
    }
}
