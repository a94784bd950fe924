//! What the program needs, made of what the user said: flag before environment before file before
//! default.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hayrick_api::config::ApiConfig;
use hayrick_runtime::config::{Policies, RuntimeConfig};
use hayrick_services::egress::config::EgressConfig;
use hayrick_services::jobs::config::JobsConfig;
use hayrick_services::llm::config::LlmConfig;
use hayrick_services::state::config::StateConfig;
use hayrick_services::tasks::config::TasksConfig;
use hayrick_worker::config::WorkerConfig;

use crate::clients::{KeysSettings, read_clients, read_keys};
use crate::compile::own_program;
use crate::egress;
use crate::environment::Environment;
use crate::folders::read_data_dir;
use crate::limits::TIMES;
use crate::mistake::{ConfigError, Mistake};
use crate::policy::PolicyFolder;
use crate::rules::Rules;
use crate::section::Section;
use crate::settings::{Flags, Settings};
use crate::stores::read_tasks;

/// The port when none is said.
pub const PORT_DEFAULT: u16 = 1416;

const DRAIN_DEADLINE_DEFAULT: Duration = Duration::from_secs(30);

/// A configuration without mistakes.
pub struct Config {
    /// Port 0 takes a free one.
    pub address: SocketAddr,
    pub data_dir: PathBuf,
    /// How long running answers may go on once the server is told to stop.
    pub drain_deadline: Duration,
    pub api: ApiConfig,
    pub runtime: RuntimeConfig,
    /// The policies that `runtime` asks.
    pub policies: Arc<PolicyFolder>,
    pub llm: LlmConfig,
    pub jobs: JobsConfig,
    pub worker: WorkerConfig,
    pub tasks: TasksConfig,
    pub state: StateConfig,
    pub egress: EgressConfig,
    /// Where the secrets are that policies name.
    pub environment: Environment,
    /// What is legal and unwise, to be said before the first request.
    pub warnings: Vec<String>,
}

impl Config {
    /// Makes the configuration.
    ///
    /// # Errors
    /// Every mistake there is, in the order of the sections read.
    pub fn resolve(settings: Settings) -> Result<Config, ConfigError> {
        let Settings {
            flags,
            file,
            environment,
        } = settings;
        let mut warnings = Vec::new();
        let (config, mistakes) = Section::read(file, |top| {
            let data_dir = read_data_dir(top, &flags);
            let keys = top.section("keys", |keys| read_keys(keys, &data_dir));
            let (address, api, drain_deadline) = top.section("server", |server| {
                read_server(server, &flags, &keys, &mut warnings)
            });
            let rules = Rules::read_in(top, &data_dir, &flags, &environment, &mut warnings);
            let tasks = top.section("tasks", read_tasks);
            let egress = top.section("egress", egress::read_bounds);
            let Rules {
                plugins_dir,
                policies,
                approvals,
                compile,
                limits,
                engine,
                cache_bytes_max,
                jobs,
                worker,
                state,
                llm,
            } = rules;
            let runtime = RuntimeConfig {
                plugins_dir,
                cache_dir: data_dir.join("cache"),
                cache_key: data_dir.join("cache.key"),
                cache_bytes_max,
                compiler: own_program(),
                compile,
                policies: Arc::clone(&policies) as Arc<dyn Policies>,
                approvals,
                limits,
                host_runs_max: engine.host_runs_max,
                host_memory_bytes_max: engine.host_memory_bytes_max,
                stack_bytes_max: engine.stack_bytes_max,
                jobs_max: worker.jobs_max,
                pagemap_scan: engine.pagemap_scan,
            };
            Config {
                address,
                data_dir,
                drain_deadline,
                api,
                runtime,
                policies,
                llm,
                jobs,
                worker,
                tasks,
                state,
                egress,
                environment,
                warnings: Vec::new(),
            }
        });
        if mistakes.is_empty() {
            Ok(Config { warnings, ..config })
        } else {
            Err(ConfigError(mistakes))
        }
    }
}

/// The data folder of a server with these settings; other sections may be wrong.
///
/// # Errors
/// The key of the folder is.
pub fn data_dir(settings: Settings) -> Result<PathBuf, ConfigError> {
    let Settings { flags, file, .. } = settings;
    let (data_dir, mistakes) = Section::read(file, |top| read_data_dir(top, &flags));
    let mistakes: Vec<_> = mistakes
        .into_iter()
        .filter(|mistake| mistake.path == "data_dir")
        .collect();
    if mistakes.is_empty() {
        Ok(data_dir)
    } else {
        Err(ConfigError(mistakes))
    }
}

/// The address a server with these settings listens on, for a client on the same machine; other
/// sections may be wrong.
///
/// # Errors
/// The mistakes of host and port.
pub fn server_address(settings: Settings) -> Result<SocketAddr, ConfigError> {
    let Settings { flags, file, .. } = settings;
    let (mut address, mistakes) = Section::read(file, |top| {
        top.section("server", |server| read_address(server, &flags))
    });
    let of_address = |mistake: &Mistake| {
        ["--host", "server", "server.host", "server.port"].contains(&mistake.path.as_str())
    };
    let mistakes: Vec<_> = mistakes.into_iter().filter(of_address).collect();
    if !mistakes.is_empty() {
        return Err(ConfigError(mistakes));
    }
    if address.ip().is_unspecified() {
        // "Every address" is one to listen on, none to call.
        address.set_ip(if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    Ok(address)
}

fn read_server(
    section: &mut Section,
    flags: &Flags,
    keys: &KeysSettings,
    warnings: &mut Vec<String>,
) -> (SocketAddr, ApiConfig, Duration) {
    let address = read_address(section, flags);
    let clients = read_clients(section, address.ip(), flags, keys, warnings);
    let api = read_api(section, clients);
    let zero_to_hour = Duration::ZERO..=Duration::from_secs(3600);
    (
        address,
        api,
        section.duration("drain_deadline", DRAIN_DEADLINE_DEFAULT, zero_to_hour),
    )
}

fn read_api(section: &mut Section, default: ApiConfig) -> ApiConfig {
    ApiConfig {
        body_bytes_max: section.size("body_bytes_max", default.body_bytes_max, 1 << 10..=1 << 30),
        body_read_timeout: section.duration("body_read_timeout", default.body_read_timeout, TIMES),
        files_max: section.count("files_max", default.files_max, 1..=10_000),
        file_bytes_max: section.size("file_bytes_max", default.file_bytes_max, 1..=1 << 40),
        upload_bytes_max: section.size("upload_bytes_max", default.upload_bytes_max, 1..=1 << 40),
        fields_max: section.count("fields_max", default.fields_max, 0..=10_000),
        field_bytes_max: section.size("field_bytes_max", default.field_bytes_max, 1..=64 << 20),
        upload_stall_timeout: section.duration(
            "upload_stall_timeout",
            default.upload_stall_timeout,
            TIMES,
        ),
        header_bytes_max: section.size(
            "header_bytes_max",
            default.header_bytes_max,
            8 << 10..=1 << 20,
        ),
        header_read_timeout: section.duration(
            "header_read_timeout",
            default.header_read_timeout,
            TIMES,
        ),
        connections_max: section.count("connections_max", default.connections_max, 1..=1_000_000),
        write_stall_timeout: section.duration(
            "write_stall_timeout",
            default.write_stall_timeout,
            TIMES,
        ),
        keep_alive_interval: section.duration(
            "keep_alive_interval",
            default.keep_alive_interval,
            TIMES,
        ),
        forwarded_headers: read_headers(section)
            .unwrap_or_else(|| default.forwarded_headers.clone()),
        ..default
    }
}

fn read_address(section: &mut Section, flags: &Flags) -> SocketAddr {
    let in_file = section.parsed("host", host);
    let by_flag = flags.host.as_deref().and_then(|text| {
        host(text)
            .map_err(|text| section.mistake_of("--host", text))
            .ok()
    });
    let port = section.count("port", PORT_DEFAULT, 0..=u64::from(u16::MAX));
    SocketAddr::new(
        by_flag.or(in_file).unwrap_or(Ipv4Addr::LOCALHOST.into()),
        flags.port.unwrap_or(port),
    )
}

fn host(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if bare == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    bare.parse()
        .map_err(|_| format!("'{text}' is no IP address: write for example 127.0.0.1"))
}

fn read_headers(section: &mut Section) -> Option<Vec<String>> {
    let names = section.texts("forwarded_headers")?;
    let is_token = |name: &String| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter))
    };
    for name in names.iter().filter(|name| !is_token(name)) {
        section.mistake("forwarded_headers", format!("'{name}' is no header's name"));
    }
    Some(names.iter().map(|name| name.to_ascii_lowercase()).collect())
}

#[cfg(test)]
mod tests {
    use hayrick_runtime::config::PagemapScan;
    use hayrick_types::limits::Limits;

    use super::*;

    fn settings(flags: Flags, file: &str, variables: &[(&str, &str)]) -> Settings {
        let environment: Environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings {
            flags,
            file: file.parse().unwrap(),
            environment,
        }
    }

    fn resolve(file: &str, variables: &[(&str, &str)]) -> Config {
        Config::resolve(settings(Flags::default(), file, variables))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// That of a plugin without a file of its own.
    fn policy(config: &Config) -> hayrick_types::policy::Policy {
        config
            .runtime
            .policies
            .of(&hayrick_types::id::PipelineName::parse("nobody").unwrap())
            .unwrap()
    }

    fn mistakes(flags: Flags, file: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let error = Config::resolve(settings(flags, file, variables))
            .err()
            .unwrap();
        error.0.iter().map(Mistake::to_string).collect()
    }

    #[test]
    fn nothing_said_is_the_defaults() {
        let config = resolve("", &[]);
        assert_eq!(config.address.to_string(), "127.0.0.1:1416");
        assert_eq!(
            (policy(&config).limits, config.runtime.host_runs_max),
            (Limits::default(), 4096)
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
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file =
            "plugins_dir = 'of-file'\ndata_dir = 'data'\n[server]\nhost = '::1'\nport = 2000";
        let flags = Flags {
            port: Some(0),
            plugins_dir: Some("of-flag".into()),
            ..Flags::default()
        };
        let config =
            Config::resolve(settings(flags, file, &[])).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.address.to_string(), "[::1]:0");
        assert_eq!(
            (config.runtime.plugins_dir, config.data_dir),
            ("of-flag".into(), "data".into())
        );
    }

    #[test]
    fn every_section_is_read() {
        let config = resolve(
            "[server]\nbody_bytes_max = '1 MiB'\ndrain_deadline = '0s'\nforwarded_headers = ['X-User']\n\
             [limits]\nmemory_bytes_max = '64 MiB'\ncpu_time_max = '500ms'\nplugin_queue_max = 0\n\
             [engine]\nhost_runs_max = 64\npagemap_scan = 'off'\ncompile_memory_bytes_max = '1 GiB'\ncompile_cpu_time_max = '5s'\n\
             compile_time_max = '9s'\nartifact_bytes_max = '1 MiB'\ncache_bytes_max = '2 MiB'\n[component]\nfunctions_max = 7",
            &[],
        );
        assert_eq!(
            (config.api.body_bytes_max, config.drain_deadline),
            (1 << 20, Duration::ZERO)
        );
        assert_eq!(config.api.forwarded_headers, ["x-user"]);
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
            (config.runtime.host_runs_max, config.runtime.pagemap_scan),
            (64, PagemapScan::Off)
        );
        let compile = config.runtime.compile;
        assert_eq!(
            (
                compile.compile_memory_bytes_max,
                compile.compile_cpu_time_max
            ),
            (1 << 30, Duration::from_secs(5))
        );
        assert_eq!(
            (
                compile.compile_time_max,
                compile.artifact_bytes_max,
                config.runtime.cache_bytes_max
            ),
            (Duration::from_secs(9), 1 << 20, 2 << 20)
        );
        assert_eq!(
            (compile.bounds.functions_max, compile.bounds.nesting_max),
            (7, 16)
        );
    }

    #[test]
    fn all_mistakes_come_at_once_each_with_its_path() {
        let file = "color = 1\n[server]\nport = 70000\nbody_bytes = 5\nforwarded_headers = ['a b']\n\
            [limits]\ncpu_time_max = 10\nmemory_bytes_max = 0\nplugin_runs_max = 0\nlog_lines_max = 'many'\n\
            [engine]\npagemap_scan = 'on'\n\
            [upstreams.gpt]\nbase_url = 'api.openai.com'\nmodel = 'm'\nconnect_timeout = '5 sec'\napi_key_env = 'GPT_KEY'\nfallbacks = ['gtp4', 'gpt']\n\
            [upstreams.'gpt 4']\nmodel = 'm'\napi_key = 'k'\napi_key_env = 'HOME'\n[upstreams.'gpt 4'.cache]\nttl = '0s'";
        let flags = Flags {
            host: Some("0.0.0.0".to_owned()),
            ..Flags::default()
        };
        assert_eq!(
            mistakes(flags, file, &[]),
            [
                "server.port: 70000 is out of range: from 0 to 65535",
                "--host: 0.0.0.0 can be reached by other machines and there are no API keys yet: make one with `hayrick keys create`, use 127.0.0.1, or add --insecure",
                "server.forwarded_headers: 'a b' is no header's name",
                "server.body_bytes: there is no such key; did you mean 'body_bytes_max'?",
                "limits.memory_bytes_max: 0 B is out of range: from 64 KiB to 4 GiB",
                "limits.cpu_time_max: must be a duration such as \"10s\", not an integer",
                "limits.plugin_runs_max: 0 is out of range: from 1 to 16384",
                "limits.log_lines_max: must be a whole number, not a string",
                "engine.pagemap_scan: 'on' is not \"auto\" or \"off\"",
                "upstreams.gpt.base_url: 'api.openai.com' is no address: write for example \"https://api.openai.com/v1\"",
                "upstreams.gpt.api_key_env: the environment has no GPT_KEY: set it, or remove this line",
                "upstreams.gpt.connect_timeout: '5 sec' is no duration: write for example \"500ms\", \"10s\" or \"5m\"",
                "upstreams.\"gpt 4\": an alias has 1 to 64 letters, digits, '-', '_', '.', '/' or ':': choose another",
                "upstreams.\"gpt 4\".base_url: is missing: write the address that /chat/completions is appended to",
                "upstreams.\"gpt 4\": has more than one of api_key, api_key_env and api_key_file: keep one",
                "upstreams.\"gpt 4\".cache.ttl: 0ms is out of range: from 1ms to 30d",
                "upstreams.gpt.fallbacks: there is no upstream 'gtp4'; did you mean 'gpt 4'?",
                "upstreams.gpt.fallbacks: 'gpt' falls back to itself: name another upstream",
                "default_upstream: is missing: there are several upstreams, so name the one that serves when a plugin names none",
                "color: there is no such key",
            ]
        );
    }

    #[test]
    fn an_open_address_needs_insecure_and_is_said_loudly() {
        let flags = Flags {
            host: Some("0.0.0.0".to_owned()),
            insecure: true,
            ..Flags::default()
        };
        let config =
            Config::resolve(settings(flags, "", &[])).unwrap_or_else(|error| panic!("{error}"));
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
            in_file.len() == 1 && in_file[0].starts_with("server.host: 192.0.2.1 can be reached"),
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
            ["--host: 'hay' is no IP address: write for example 127.0.0.1"]
        );
    }

    #[test]
    fn a_client_calls_where_the_server_listens() {
        let listen = |file: &str| {
            server_address(settings(Flags::default(), file, &[])).map(|address| address.to_string())
        };
        assert_eq!(
            listen("[server]\nhost = '0.0.0.0'\nport = 2000\n[limits]\nx = 1"),
            Ok("127.0.0.1:2000".to_owned())
        );
        assert_eq!(listen("[server]\nport = -1").unwrap_err().0.len(), 1);
    }
}
