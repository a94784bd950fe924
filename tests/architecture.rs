//! The dependency rules of ARCHITECTURE.md, and style rules for every file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hayrick_types::limit_name::LimitName;
use toml::Table;

use crate::support::source::{Crate, Source, read, root, sources};

/// Which of our crates a crate may depend on.
const MAY_NAME: [(&str, &[&str]); 8] = [
    ("hayrick-types", &[]),
    ("hayrick-services", &["hayrick-types"]),
    (
        "hayrick-capabilities",
        &["hayrick-services", "hayrick-types"],
    ),
    (
        "hayrick-runtime",
        &["hayrick-capabilities", "hayrick-services", "hayrick-types"],
    ),
    (
        "hayrick-api",
        &["hayrick-runtime", "hayrick-services", "hayrick-types"],
    ),
    (
        "hayrick-worker",
        &["hayrick-runtime", "hayrick-services", "hayrick-types"],
    ),
    (
        "hayrick-app",
        &[
            "hayrick-api",
            "hayrick-worker",
            "hayrick-runtime",
            "hayrick-capabilities",
            "hayrick-services",
            "hayrick-types",
        ],
    ),
    ("hayrick", &["hayrick-app"]),
];

/// Which crates may use an external crate.
const OWNERS: [(&str, &[&str]); 16] = [
    ("jsonschema", &["hayrick-runtime"]),
    ("wasmparser", &["hayrick-runtime"]),
    ("rustix", &["hayrick-app", "hayrick-runtime"]),
    ("ring", &["hayrick-runtime"]),
    ("wasmtime", &["hayrick-capabilities", "hayrick-runtime"]),
    ("wasmtime-wasi", &["hayrick-capabilities"]),
    ("axum", &["hayrick-api"]),
    ("hyper", &["hayrick-api"]),
    ("multer", &["hayrick-api"]),
    ("prometheus-client", &["hayrick-services"]),
    ("rusqlite", &["hayrick-services"]),
    ("reqwest", &["hayrick-services"]),
    ("url", &["hayrick-services"]),
    ("wasmtime-wasi-http", &["hayrick-capabilities"]),
    ("clap", &["hayrick"]),
    ("anyhow", &["hayrick-app", "hayrick"]),
];

/// Crates that do I/O, which `hayrick-types` must not use.
const IO: [&str; 5] = ["tokio", "hyper", "notify", "rustls", "tracing-subscriber"];

/// Modules next to the services that any of them may use.
const SHARED_BY_SERVICES: [&str; 6] = [
    "atomic_file",
    "backoff",
    "byte_shares",
    "database",
    "metrics",
    "secret",
];

/// The folders of host/api that are protocols. None depends on another, so that one can be changed
/// or removed alone. Every protocol may use the other folders.
const PROTOCOLS: [&str; 8] = [
    "deploy", "files", "jobs", "openai", "openapi", "run", "server", "tasks",
];

/// The only file with unsafe code: it loads native code that our own compiler produced. Its crate
/// denies unsafe code everywhere else.
const UNSAFE_FILE: &str = "host/runtime/src/compile/artifact.rs";
const UNSAFE_CRATE: &str = "host/runtime/src/lib.rs";

const FILE_LINES_MAX: usize = 500;

/// Package name and folder of each of our crates.
fn crates() -> Vec<(String, String)> {
    let workspace = manifest("");
    let members = workspace["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member.as_str().unwrap().to_owned());
    let members = members.map(|folder| (package(&folder), format!("{folder}/src")));
    members
        .chain([(package(""), "host/cli".to_owned())])
        .collect()
}

fn manifest(folder: &str) -> Table {
    read(Path::new(folder).join("Cargo.toml")).parse().unwrap()
}

fn package(folder: &str) -> String {
    manifest(folder)["package"]["name"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The dependencies that each package ships with. Dependencies of tests do not count.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let folders = manifest("")["workspace"]["members"]
        .as_array()
        .unwrap()
        .clone();
    let folders = folders
        .iter()
        .map(|folder| folder.as_str().unwrap())
        .chain([""]);
    folders
        .map(|folder| {
            let table = manifest(folder)
                .get("dependencies")
                .and_then(|table| table.as_table().cloned())
                .unwrap_or_default();
            (package(folder), table.keys().cloned().collect())
        })
        .collect()
}

#[test]
fn crates_depend_downwards_only() {
    let dependencies = dependencies();
    let known: BTreeSet<&str> = MAY_NAME.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        dependencies
            .keys()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        known,
        "MAY_NAME misses a crate, or has one too many"
    );
    for (name, allowed) in MAY_NAME {
        for dependency in dependencies[name]
            .iter()
            .filter(|dependency| known.contains(dependency.as_str()))
        {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn external_crates_are_used_only_by_their_owners() {
    for (name, dependencies) in dependencies() {
        for (dependency, owners) in OWNERS {
            assert!(
                !dependencies.contains(dependency) || owners.contains(&name.as_str()),
                "{dependency} belongs to {owners:?}, not to {name}"
            );
        }
        for dependency in IO.iter().filter(|_| name == "hayrick-types") {
            assert!(
                !dependencies.contains(*dependency),
                "hayrick-types does no I/O, so it must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn plugins_and_guests_depend_on_the_contract_only() {
    for folder in ["plugins", "tests/guests"] {
        for text in manifests_below(&root().join(folder)) {
            assert!(
                !text.contains("host/") && !text.contains("host-"),
                "a manifest below {folder} depends on the host:\n{text}"
            );
        }
    }
}

fn manifests_below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("Cargo.toml"));
    entries
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect()
}

#[test]
fn modules_of_a_crate_have_no_cycles() {
    for (name, folder) in crates() {
        let circle = Crate::read(&folder).circle();
        assert!(
            circle.is_none(),
            "{name}: modules name each other around: {circle:?}"
        );
    }
}

/// Which of the first-level modules `siblings` depend on each other.
fn rivals(folder: &str, siblings: &[String]) -> Vec<String> {
    let source = Crate::read(folder);
    let mut found = Vec::new();
    for module in source
        .modules
        .keys()
        .filter(|module| module.first().is_some_and(|first| siblings.contains(first)))
    {
        for named in source.named_by(module) {
            if named
                .first()
                .is_some_and(|other| siblings.contains(other) && Some(other) != module.first())
            {
                found.push(format!("{} names {}", module.join("::"), named.join("::")));
            }
        }
    }
    found
}

fn first_modules(folder: &str) -> BTreeSet<String> {
    Crate::read(folder)
        .modules
        .into_keys()
        .filter_map(|module| module.into_iter().next())
        .collect()
}

#[test]
fn services_do_not_depend_on_each_other() {
    let services: Vec<String> = first_modules("host/services/src")
        .into_iter()
        .filter(|name| !SHARED_BY_SERVICES.contains(&name.as_str()))
        .collect();
    assert_eq!(rivals("host/services/src", &services), [""; 0]);
}

#[test]
fn capabilities_do_not_depend_on_each_other() {
    assert_eq!(rivals("host/capabilities/src", &interfaces()), [""; 0]);
}

#[test]
fn protocols_do_not_depend_on_each_other() {
    let known = first_modules("host/api/src");
    for name in PROTOCOLS {
        assert!(known.contains(name), "host/api has no protocol {name}");
    }
    let protocols = PROTOCOLS.map(str::to_owned);
    assert_eq!(rivals("host/api/src", &protocols), [""; 0]);
}

#[test]
fn only_the_server_defines_routes() {
    let api = Crate::read("host/api/src");
    let is_of_routes = |module: &Vec<String>| module.first().is_some_and(|room| room == "routes");
    for module in api.modules.keys().filter(|module| {
        !is_of_routes(module) && !module.is_empty() && module.join("::") != "edge::server"
    }) {
        assert!(
            !api.named_by(module).iter().any(is_of_routes),
            "{} names the routes: they know every handler, and no handler knows them",
            module.join("::")
        );
    }
}

/// The modules of the WIT interfaces that the host offers.
fn interfaces() -> Vec<String> {
    let text = read("wit/imports.wit");
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("interface ")?.strip_suffix(" {"));
    let names: Vec<String> = names.map(|name| name.replace('-', "_")).collect();
    assert!(
        names.len() >= 4,
        "wit/imports.wit was not parsed correctly: {names:?}"
    );
    names
}

#[test]
fn every_interface_has_its_module() {
    for name in interfaces() {
        let path = format!("host/capabilities/src/{name}.rs");
        assert!(
            root().join(&path).is_file(),
            "the interface {name} has no {path}"
        );
    }
}

#[test]
fn bindings_are_generated_in_one_place() {
    for source in sources("host")
        .iter()
        .filter(|source| source.code.contains("bindgen!"))
    {
        assert!(
            source.path.ends_with("bindings.rs"),
            "{} generates bindings",
            source.path.display()
        );
    }
}

/// All integration tests as one text.
fn test_text() -> String {
    let own = |source: &Source| source.path.parent() == Some(Path::new("tests"));
    sources("tests")
        .iter()
        .filter(|source| own(source))
        .map(|source| source.text.as_str())
        .collect()
}

/// Every guest by the name of its component: Rust guests by their file, others with the language
/// appended.
fn guests() -> Vec<String> {
    let languages = [
        ("examples", "rs", ""),
        ("python", "py", "-python"),
        ("javascript", "js", "-javascript"),
    ];
    let mut guests = Vec::new();
    for (folder, extension, suffix) in languages {
        let entries = std::fs::read_dir(root().join("tests/guests").join(folder))
            .expect("a language is missing in tests/guests");
        let paths = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|found| found == extension));
        guests.extend(paths.map(|path| {
            path.file_stem()
                .unwrap()
                .to_string_lossy()
                .replace('_', "-")
                + suffix
        }));
    }
    assert!(
        guests.len() >= 20,
        "tests/guests was not read correctly: {guests:?}"
    );
    guests
}

#[test]
fn every_guest_has_a_test() {
    let tests = test_text();
    for name in guests() {
        assert!(
            tests.contains(&format!("\"{name}\"")),
            "no test names the guest {name}"
        );
    }
}

#[test]
fn every_limit_has_a_test_and_a_row() {
    let (tests, page) = (test_text(), read("docs/settings.md"));
    for limit in LimitName::ALL {
        let name = format!("\"{limit}\"");
        assert!(tests.contains(&name), "no test names the limit {name}");
        assert!(
            page.contains(&format!("`{limit}`")),
            "docs/settings.md has no row with the limit {name}"
        );
    }
}

#[test]
fn files_are_tidy() {
    for source in ["host", "tests", "plugins"]
        .iter()
        .flat_map(|folder| sources(folder))
    {
        let (path, lines) = (source.path.display(), source.text.lines().count());
        assert!(
            lines <= FILE_LINES_MAX,
            "{path} has {lines} lines: split it by duty"
        );
        assert!(
            source.text.starts_with("//! "),
            "{path} does not say its duty in its first line"
        );
        let rival = source.path.with_extension("").display().to_string();
        assert!(
            sources(&rival).is_empty(),
            "{path} lies beside a folder of its name: move it to {rival}/mod.rs"
        );
        for word in ["manager", "helper", "util", "common"] {
            let is_named = source.path.iter().any(|part| {
                part.to_string_lossy()
                    .split(['_', '-', '.'])
                    .any(|piece| piece.trim_end_matches('s') == word)
            });
            assert!(!is_named, "{path}: '{word}' is not a meaningful name");
        }
    }
}

#[test]
fn shipped_code_is_tidy() {
    let banned = [
        ("pub use ", "import a thing from the module that defines it"),
        ("::*", "name what you import"),
        ("todo!", "finish it"),
        ("unimplemented!", "finish it"),
        ("dbg!", "log it or leave it"),
        ("FIXME", "fix it"),
    ];
    for source in sources("host") {
        for (text, cure) in banned {
            assert!(
                !source.code.contains(text),
                "{} has `{text}`: {cure}",
                source.path.display()
            );
        }
        let is_root = source.path.ends_with("src/lib.rs") || source.path.ends_with("cli/main.rs");
        let attribute = if source.path == Path::new(UNSAFE_CRATE) {
            "#![deny(unsafe_code)]"
        } else {
            "#![forbid(unsafe_code)]"
        };
        assert!(
            !is_root || source.text.contains(attribute),
            "{} does not say {attribute}",
            source.path.display()
        );
    }
}

#[test]
fn unsafe_code_is_one_call_with_a_safety_comment() {
    for source in sources("host") {
        let is_exempt = source.path == Path::new(UNSAFE_FILE);
        let (blocks, excuses) = (
            source.code.matches("unsafe {").count(),
            source.code.matches("unsafe_code").count(),
        );
        let is_root = source.path.ends_with("src/lib.rs") || source.path.ends_with("cli/main.rs");
        let allowed = if is_exempt {
            (1, 1)
        } else {
            (0, usize::from(is_root))
        };
        assert_eq!(
            (blocks, excuses),
            allowed,
            "{}: unsafe blocks, and mentions of unsafe",
            source.path.display()
        );
        assert!(
            !is_exempt || source.text.contains("// SAFETY: "),
            "{UNSAFE_FILE} needs a `// SAFETY:` comment"
        );
    }
}

#[test]
fn tests_never_sleep_and_are_never_ignored() {
    // Assembled here so that this file does not match. Use `TestHost::stopwatch` to measure time;
    // it requires a quiet machine.
    let banned = [
        format!("time::{}(", "sleep"),
        format!("thread::{}(", "sleep"),
        format!("Instant::{}(", "now"),
        format!("#[{}", "ignore"),
    ];
    for source in sources("tests")
        .iter()
        .filter(|source| source.path.parent() == Some(Path::new("tests")))
    {
        for text in &banned {
            assert!(
                !source.text.contains(text.as_str()),
                "{} has `{text}`",
                source.path.display()
            );
        }
    }
}
