//! The settings page, and the output of `hayrick config show`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::command::{CommandOutput, hayrick, hayrick_with};
use crate::support::folder::Folder;
use crate::support::pages::check_page;
use crate::support::report::say;

#[test]
fn the_settings_page_is_up_to_date() {
    check_page("docs/settings.md", &hayrick_app::settings::page::markdown());
}

/// A folder with a settings file, and a plugins folder with the policy of `notes`.
fn settings(file: &str, policy: &str) -> (Folder, String) {
    let folder = Folder::fresh();
    let plugins = folder.subfolder("plugins");
    std::fs::write(plugins.join("notes.toml"), policy).unwrap();
    let path = folder.path().join("hayrick.toml");
    let top = format!("plugins_dir = '{}'\n", plugins.display());
    std::fs::write(&path, top + file).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

fn json(ended: &CommandOutput) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The value, the kind of its source and the source's name.
fn shown(document: &Value, path: &str) -> (Value, String, Value) {
    let shown = &document["settings"][path];
    let source = shown["source"]
        .as_str()
        .unwrap_or_else(|| panic!("{path}: {shown}"));
    (
        shown["value"].clone(),
        source.to_owned(),
        shown["from"].clone(),
    )
}

#[test]
fn flags_override_variables_which_override_the_file_which_overrides_defaults() {
    let (_folder, file) = settings("[server]\nport = 2000\nhost = '::1'\n", "");
    let show = |more: &[&str], variables: &[(&str, &str)]| {
        let args = [&["config", "show", "--json", "--config", &file], more].concat();
        let document = json(&hayrick_with(&args, variables));
        shown(&document, "server.port")
    };
    let variable = [("HAYRICK_PORT", "3000")];
    for (found, value, source, from) in [
        (
            show(&["--port", "4000"], &variable),
            4000,
            "flag",
            Value::from("--port"),
        ),
        (
            show(&[], &variable),
            3000,
            "variable",
            "HAYRICK_PORT".into(),
        ),
        (show(&[], &[]), 2000, "file", Value::Null),
    ] {
        assert_eq!(found, (value.into(), source.to_owned(), from));
    }
    let document = json(&hayrick(&["config", "show", "--json", "--config", &file]));
    for (path, value, source) in [
        ("server.host", Value::from("::1"), "file"),
        ("limits.memory_bytes_max", "256 MiB".into(), "default"),
        ("egress.redirects_max", 5.into(), "default"),
        ("default_upstream", Value::Null, "default"),
    ] {
        let expected = (value, source.to_owned(), Value::Null);
        assert_eq!(shown(&document, path), expected, "{path}");
    }
    assert_eq!(document["flags"]["config"]["source"], "flag");
    assert_eq!(document["flags"]["log"]["value"], "info");
}

#[test]
fn the_policy_of_a_plugin_shows_the_source_of_each_value() {
    let (_folder, file) = settings(
        "[limits]\ncpu_time_max = '3s'\n[jobs]\nplugin_jobs_max = 2\n",
        "[limits]\nwall_time_max = '9s'\n[[egress]]\nhost = 'api.example.com'\n[config]\nlanguage \
         = 'en'\n",
    );
    let args = ["config", "show", "--config", &file, "--plugin", "notes"];
    let document = json(&hayrick(&[&args[..], &["--json"]].concat()));
    let plugin = &document["plugin"];
    assert_eq!(plugin["name"], "notes");
    for (path, value, source) in [
        ("limits.wall_time_max", Value::from("9s"), "plugin file"),
        ("limits.cpu_time_max", "3s".into(), "file"),
        ("limits.queue_time_max", "10s".into(), "default"),
        ("jobs.running_max", 2.into(), "file"),
        ("egress[1].host", "api.example.com".into(), "plugin file"),
        ("config.language", "en".into(), "plugin file"),
    ] {
        let expected = (value, source.to_owned(), Value::Null);
        assert_eq!(shown(plugin, path), expected, "{path}");
    }
    let text = hayrick(&args).stdout;
    for part in [
        "# the policy of the plugin 'notes'",
        "[[egress]] # 1",
        "wall_time_max = \"9s\"",
        "# plugin file",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let table: toml::Table = text.split("# the policy").next().unwrap().parse().unwrap();
    assert_eq!(table["limits"]["cpu_time_max"].as_str(), Some("3s"));
}

#[test]
fn secrets_are_never_shown() {
    let (folder, file) = settings(
        "[upstreams.a]\nbase_url = 'https://me:zebra@a.example/v1?token=zebra'\nmodel = 'm'\n\
         api_key = 'zebra'\n\
         [upstreams.b]\nbase_url = 'https://b.example/v1'\nmodel = 'm'\napi_key_env = 'B_KEY'\n",
        "[secrets.s]\nenv = 'B_KEY'\nto = 'https://api.example.com'\n[[egress]]\nhost = \
         'api.example.com'\n",
    );
    let variables = [("B_KEY", "zebra zebra"), ("OPENAI_API_KEY", "zebra")];
    for json in [&[][..], &["--json"]] {
        let args = [
            &["config", "show", "--config", &file, "--plugin", "notes"],
            json,
        ]
        .concat();
        let ended = hayrick_with(&args, &variables);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stdout.contains("zebra"), "{}", ended.stdout);
        for part in ["B_KEY", "(hidden)", "OPENAI_API_KEY"] {
            assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
        }
    }
    drop(folder);
}

#[test]
fn invalid_settings_are_reported_as_mistakes() {
    let (_folder, file) = settings("[limits]\ncpu_time_max = 'soon'\n", "");
    let ended = hayrick(&["config", "show", "--config", &file]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("limits.cpu_time_max"), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

/// A control group of 600 MiB, which ends with this value.
struct SmallGroup(PathBuf);

impl SmallGroup {
    /// `None` if this user or this system may not make one.
    fn new() -> Option<SmallGroup> {
        let hierarchies = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        hierarchies.into_iter().find_map(|(mount, limit)| {
            let folder = Path::new(mount).join(format!("hayrick-test-{}", std::process::id()));
            std::fs::create_dir(&folder).ok()?;
            let group = SmallGroup(folder);
            let limit = group.0.join(limit);
            // The kernel makes the file; a folder of another kind has none.
            let written = limit.exists() && std::fs::write(limit, "629145600").is_ok();
            written.then_some(group)
        })
    }
}

impl Drop for SmallGroup {
    fn drop(&mut self) {
        // It is empty again; nobody else uses its name.
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn the_memory_of_a_control_group_bounds_the_host_in_it() {
    let ended = SmallGroup::new().map(|group| {
        let enter = format!(
            "echo $$ > '{}/cgroup.procs' || exit 99; exec '{}' config show",
            group.0.display(),
            env!("CARGO_BIN_EXE_hayrick")
        );
        let command = std::process::Command::new("sh")
            .args(["-c", &enter])
            .output();
        command.unwrap()
    });
    let Some(ended) = ended.filter(|ended| ended.status.code() != Some(99)) else {
        let what = "the memory limit of a control group: this system lets no test make one";
        return say(&format!("SKIPPED: {what}"));
    };
    let shown = String::from_utf8(ended.stdout).unwrap();
    // Three quarters of the group's memory.
    let line = "host_memory_bytes_max = \"450 MiB\"";
    assert!(shown.contains(line), "{shown}");
}
