//! The `[upstreams.ALIAS]` sections and the OPENAI_ variables: the models and their API keys.

use hayrick_services::llm::config::{LlmConfig, UpstreamConfig};
use hayrick_services::secret::Secret;
use hayrick_types::settings::process::{OPENAI_BASE_URL_DEFAULT, OPENAI_MODEL_DEFAULT};
use hayrick_types::settings::upstream::{CacheSettings, UpstreamSettings};
use toml::Value;

use crate::settings::environment::Environment;
use crate::settings::found::{Source, join_path};
use crate::settings::mistake::did_you_mean;
use crate::settings::section::Section;

/// The alias of the upstream from the OPENAI_ variables, and of the default upstream if several are
/// configured.
const ALIAS_DEFAULT: &str = "default";
const ALIAS_BYTES_MAX: usize = 64;

/// Reads `[upstreams]` and `default_upstream`, and adds the upstream from the environment. Valid
/// but unwise settings go to `warnings`.
pub fn read_upstreams(
    top: &mut Section,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> LlmConfig {
    let mut upstreams = top.each_section("upstreams", "ALIAS", |alias, section| {
        read_upstream(alias, section, environment, warnings)
    });
    if !upstreams
        .iter()
        .any(|upstream| upstream.alias == ALIAS_DEFAULT)
    {
        upstreams.extend(from_environment(top, environment, warnings));
    }
    check_fallbacks(top, &upstreams);
    let default = read_default(top, &upstreams);
    LlmConfig { upstreams, default }
}

fn read_upstream(
    alias: &str,
    section: &mut Section,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> UpstreamConfig {
    check_alias(alias, section);
    let base_url = read_base_url(section);
    let model = section.required(
        "model",
        "write the name of the model on this upstream",
        |name| Ok(name.to_owned()),
    );
    UpstreamConfig {
        alias: alias.to_owned(),
        base_url: base_url.unwrap_or_default(),
        model: model.unwrap_or_default(),
        api_key: read_key(alias, section, environment, warnings),
        settings: UpstreamSettings::read(section, &UpstreamSettings::default()),
        cache: section.optional_section("cache", |cache| {
            CacheSettings::read(cache, &CacheSettings::default())
        }),
    }
}

fn read_base_url(section: &mut Section) -> Option<String> {
    const KEY: &str = "base_url";
    if !section.has(KEY) {
        section.mistake(
            KEY,
            "is missing: write the URL that /chat/completions is appended to",
        );
    }
    let found = section.unrecorded(KEY, base_url)?;
    section.record(KEY, Some(shown_url(&found)), section.file());
    Some(found)
}

/// A URL with possible secrets hidden: user, password and query.
fn shown_url(url: &str) -> Value {
    let (url, query) = url
        .split_once('?')
        .map_or((url, ""), |(url, _)| (url, "?(hidden)"));
    let shown = match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://(hidden)@{host}{query}"),
        _ => format!("{url}{query}"),
    };
    Value::String(shown)
}

fn check_alias(alias: &str, section: &mut Section) {
    let is_alias =
        |character: char| character.is_ascii_alphanumeric() || "-_./:".contains(character);
    if alias.is_empty() || alias.len() > ALIAS_BYTES_MAX || !alias.chars().all(is_alias) {
        let text = format!(
            "invalid alias: use 1 to {ALIAS_BYTES_MAX} letters, digits, '-', '_', '.', '/' or ':'"
        );
        section.mistake_here(text);
    }
}

/// Checks an `http` or `https` URL and removes the trailing slash.
fn base_url(text: &str) -> Result<String, String> {
    let address = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .unwrap_or_default();
    if address.is_empty() || address.starts_with('/') || text.contains(char::is_whitespace) {
        return Err(format!(
            "invalid URL '{text}': write something like \"{OPENAI_BASE_URL_DEFAULT}\""
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Reads the key from one of its three sources; setting more than one is a mistake.
fn read_key(
    alias: &str,
    section: &mut Section,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Option<Secret> {
    let literal = section.unrecorded("api_key", |key| Ok(key.to_owned()));
    let hidden = literal.as_ref().map(|_| hidden());
    let source = hidden.as_ref().map_or(Source::Default, |_| section.file());
    section.record("api_key", hidden, source);
    let variable = section.text("api_key_env");
    let file = section.text("api_key_file");
    match (literal, variable, file) {
        (None, None, None) => None,
        (Some(key), None, None) => {
            let path = section.path_of("api_key");
            warnings.push(format!(
                "{path}: the API key of '{alias}' is in the settings file; use api_key_env or \
                 api_key_file instead"
            ));
            Some(Secret::new(key))
        }
        (None, Some(name), None) => {
            let found = environment.get(&name).ok_or_else(|| {
                format!("the variable {name} is not set: set it, or remove this line")
            });
            keep(section, "api_key_env", found)
        }
        (None, None, Some(path)) => {
            let found = key_of_file(&path);
            keep(section, "api_key_file", found)
        }
        _ => {
            section.mistake_here(
                "more than one of api_key, api_key_env and api_key_file is set: keep one",
            );
            None
        }
    }
}

/// The text shown instead of a secret.
fn hidden() -> Value {
    Value::String("(hidden)".to_owned())
}

fn keep(
    section: &mut Section,
    key: &str,
    found: Result<impl Into<String>, String>,
) -> Option<Secret> {
    found
        .map(|value| Secret::new(value.into()))
        .map_err(|text| section.mistake(key, text))
        .ok()
}

fn key_of_file(path: &str) -> Result<String, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    match text.trim() {
        "" => Err(format!("{path} is empty: put the key there")),
        key => Ok(key.to_owned()),
    }
}

/// The upstream from the OPENAI_ variables, interpreted as the official clients do.
fn from_environment(
    top: &mut Section,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Option<UpstreamConfig> {
    let (url, key, model) = (
        environment.get("OPENAI_BASE_URL"),
        environment.get("OPENAI_API_KEY"),
        environment.get("OPENAI_MODEL"),
    );
    if url.is_none() && key.is_none() {
        if model.is_some() {
            warnings.push(
                "OPENAI_MODEL has no effect without OPENAI_API_KEY or OPENAI_BASE_URL".to_owned(),
            );
        }
        return None;
    }
    let base_url = base_url(url.unwrap_or(OPENAI_BASE_URL_DEFAULT))
        .map_err(|text| top.mistake_of("OPENAI_BASE_URL", text))
        .ok()?;
    let upstream = ("upstreams", (ALIAS_DEFAULT, "ALIAS"));
    let settings = top.absent_section(upstream.0, upstream.1, |section| {
        let shown_model = Value::String(model.unwrap_or(OPENAI_MODEL_DEFAULT).to_owned());
        let shown = [
            (
                "base_url",
                Some(shown_url(&base_url)),
                url.is_some(),
                "OPENAI_BASE_URL",
            ),
            ("model", Some(shown_model), model.is_some(), "OPENAI_MODEL"),
            (
                "api_key",
                key.map(|_| hidden()),
                key.is_some(),
                "OPENAI_API_KEY",
            ),
        ];
        for (setting, value, is_set, variable) in shown {
            let source = is_set.then_some(Source::Variable(variable));
            section.record(setting, value, source.unwrap_or(Source::Default));
        }
        UpstreamSettings::read(section, &UpstreamSettings::default())
    });
    Some(UpstreamConfig {
        alias: ALIAS_DEFAULT.to_owned(),
        base_url,
        model: model.unwrap_or(OPENAI_MODEL_DEFAULT).to_owned(),
        api_key: key.map(|key| Secret::new(key.to_owned())),
        settings,
        cache: None,
    })
}

fn check_fallbacks(top: &mut Section, upstreams: &[UpstreamConfig]) {
    let aliases = || upstreams.iter().map(|upstream| upstream.alias.as_str());
    for upstream in upstreams {
        for fallback in &upstream.settings.fallbacks {
            let others = aliases().filter(|alias| *alias != upstream.alias);
            let path = join_path(&join_path("upstreams", &upstream.alias), "fallbacks");
            if *fallback == upstream.alias {
                top.mistake_of(
                    path,
                    format!("'{fallback}' falls back to itself: name another upstream"),
                );
            } else if !aliases().any(|alias| alias == fallback) {
                top.mistake_of(
                    path,
                    format!(
                        "there is no upstream '{fallback}'{}",
                        did_you_mean(fallback, others)
                    ),
                );
            }
        }
    }
}

/// The upstream named by `default_upstream`, else the one called `default`, else the only one.
fn read_default(top: &mut Section, upstreams: &[UpstreamConfig]) -> Option<String> {
    let aliases = || upstreams.iter().map(|upstream| upstream.alias.as_str());
    let named = top.text("default_upstream");
    match (named, upstreams) {
        (Some(alias), _) if !aliases().any(|known| known == alias) => {
            top.mistake(
                "default_upstream",
                format!(
                    "there is no upstream '{alias}'{}",
                    did_you_mean(&alias, aliases())
                ),
            );
            None
        }
        (Some(alias), _) => Some(alias),
        (None, _) if aliases().any(|alias| alias == ALIAS_DEFAULT) => {
            Some(ALIAS_DEFAULT.to_owned())
        }
        (None, []) => None,
        (None, [only]) => Some(only.alias.clone()),
        (None, _) => {
            top.mistake(
                "default_upstream",
                "is missing: there are several upstreams, so name the one to use when a plugin \
                 names none",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::mistake::Mistake;

    const FAST: &str = "[upstreams.fast]\nbase_url = 'http://127.0.0.1:1/v1/'\nmodel = 'm'\n";

    struct Read {
        llm: LlmConfig,
        warnings: Vec<String>,
        mistakes: Vec<String>,
    }

    fn read(file: &str, variables: &[(&str, &str)]) -> Read {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut warnings = Vec::new();
        let (llm, reading) = Section::read(file.parse().unwrap(), Source::File, |top| {
            read_upstreams(top, &environment, &mut warnings)
        });
        Read {
            llm,
            warnings,
            mistakes: reading.mistakes.iter().map(Mistake::to_string).collect(),
        }
    }

    /// Alias, URL and model of each upstream, then the alias of the default.
    fn summary(file: &str, variables: &[(&str, &str)]) -> (Vec<String>, Option<String>) {
        let read = read(file, variables);
        assert_eq!(read.mistakes, [""; 0]);
        let show = |upstream: &UpstreamConfig| {
            format!(
                "{} {} {}",
                upstream.alias, upstream.base_url, upstream.model
            )
        };
        (
            read.llm.upstreams.iter().map(show).collect(),
            read.llm.default,
        )
    }

    #[test]
    fn the_openai_variables_make_the_default_upstream() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (
                &[("OPENAI_API_KEY", "k")],
                "default https://api.openai.com/v1 gpt-4o-mini",
            ),
            (
                &[("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1/")],
                "default http://127.0.0.1:8000/v1 gpt-4o-mini",
            ),
            (
                &[("OPENAI_API_KEY", "k"), ("OPENAI_MODEL", "big")],
                "default https://api.openai.com/v1 big",
            ),
            (
                &[
                    ("OPENAI_API_KEY", "k"),
                    ("OPENAI_BASE_URL", " "),
                    ("OPENAI_MODEL", ""),
                ],
                "default https://api.openai.com/v1 gpt-4o-mini",
            ),
        ];
        for (variables, expected) in cases {
            assert_eq!(
                summary("", variables),
                (vec![expected.to_owned()], Some("default".to_owned())),
                "{variables:?}"
            );
        }
        assert_eq!(read("", &[("OPENAI_MODEL", "big")]).warnings.len(), 1);
        assert_eq!(
            read("", &[("OPENAI_BASE_URL", "nowhere")]).mistakes.len(),
            1
        );
    }

    #[test]
    fn a_default_upstream_in_the_file_overrides_the_variables() {
        let file = FAST.replace("fast", "default");
        let expected = (
            vec!["default http://127.0.0.1:1/v1 m".to_owned()],
            Some("default".to_owned()),
        );
        assert_eq!(summary(&file, &[("OPENAI_API_KEY", "k")]), expected);
    }

    #[test]
    fn the_default_is_the_named_upstream_then_default_then_the_only_one() {
        let with_variables = |file: &str| summary(file, &[("OPENAI_API_KEY", "k")]).1;
        assert_eq!(summary(FAST, &[]).1.as_deref(), Some("fast"));
        assert_eq!(with_variables(FAST).as_deref(), Some("default"));
        assert_eq!(
            with_variables(&format!("default_upstream = 'fast'\n{FAST}")).as_deref(),
            Some("fast")
        );
        let unknown = read(&format!("default_upstream = 'fsat'\n{FAST}"), &[]).mistakes;
        assert_eq!(
            unknown,
            ["default_upstream: there is no upstream 'fsat'; did you mean 'fast'?"]
        );
    }

    #[test]
    fn api_keys_come_from_a_variable_a_file_or_with_a_warning_the_settings() {
        let path = std::env::temp_dir().join(format!("hayrick-key-{}", std::process::id()));
        std::fs::write(&path, "of-file\n").unwrap();
        let key_file = format!("api_key_file = '{}'", path.display());
        for (line, key, warnings) in [
            ("api_key_env = 'K'", "of-variable", 0),
            (key_file.as_str(), "of-file", 0),
            ("api_key = 'literal'", "literal", 1),
        ] {
            let read = read(&format!("{FAST}{line}"), &[("K", "of-variable")]);
            assert_eq!(
                read.llm.upstreams[0].api_key.as_ref().map(Secret::expose),
                Some(key)
            );
            assert_eq!(
                (read.warnings.len(), read.mistakes.len()),
                (warnings, 0),
                "{line}"
            );
        }
        std::fs::write(&path, "\n").unwrap();
        assert!(
            read(&format!("{FAST}{key_file}"), &[]).mistakes[0]
                .ends_with("is empty: put the key there")
        );
        std::fs::remove_file(&path).unwrap();
        assert!(read(&format!("{FAST}{key_file}"), &[]).mistakes[0].contains("cannot be read"));
    }

    #[test]
    fn shown_urls_hide_possible_secrets() {
        for (url, shown) in [
            ("https://a.example/v1", "https://a.example/v1"),
            (
                "https://me:key@a.example/v1?token=1",
                "https://(hidden)@a.example/v1?(hidden)",
            ),
        ] {
            assert_eq!(shown_url(url), Value::String(shown.to_owned()));
        }
    }
}
