//! Generates the settings page, `docs/settings.md`, from the rows.

use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::row::{Kind, Place, Preset, Row, Section};
use hayrick_types::settings::sections::SECTIONS;

use crate::settings::units::{show_duration, show_size};

const INTRODUCTION: &str = "# Settings

This page is generated from the tables in `host/types/src/settings`. When it is out of date, a test
fails and prints how to regenerate it.

A flag overrides its variable, a variable overrides the file, and the file overrides the default. An
empty variable counts as not set. `hayrick config check` lists all mistakes in the settings, and
`hayrick config show` prints every setting in force and where its value comes from (`--plugin NAME`
adds the policy of a plugin, `--json` prints JSON).

A *size* is a number of bytes, or text with a unit: `\"256 MiB\"` (B, KiB, MiB, GiB, KB, MB, GB). A
*duration* is text with a unit: `\"500ms\"`, `\"10s\"`, `\"5m\"`, `\"2h\"`, `\"1d\"`.

A setting with a name in the column *limit* is a limit. When it is reached, the metric
`hayrick_limit_reached_total{limit=\"…\"}` counts it, and errors caused by it carry the name in
`param`.
";

/// The page.
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Command line and environment\n");
    of_place(Place::Process, &mut page);
    page.push_str("\n## hayrick.toml\n");
    of_place(Place::Settings, &mut page);
    page.push_str("\n## A plugin's file: plugins/NAME.toml\n");
    page.push_str("\nIt lies next to `plugins/NAME.wasm`; [policy.md](policy.md) explains it.\n");
    of_place(Place::Plugin, &mut page);
    page.push_str("\n## Limits that are not settings\n\n");
    page.push_str("| limit | value | meaning |\n|---|---|---|\n");
    for fixed in LimitName::FIXED {
        let (limit, value) = (fixed.limit, fixed.value);
        page.push_str(&format!("| `{limit}` | {value} | {} |\n", fixed.doc.trim()));
    }
    page
}

/// Each flag of `hayrick serve` on the page, with its variable.
pub fn flags() -> Vec<(&'static str, &'static str)> {
    let rows = SECTIONS.iter().flat_map(Section::all_rows);
    rows.filter_map(|row| Some((row.flag?, row.variable?)))
        .collect()
}

fn of_place(place: Place, page: &mut String) {
    for section in SECTIONS.iter().filter(|section| section.place == place) {
        page.push('\n');
        if let Some(heading) = heading(section) {
            page.push_str(&format!("### `{heading}`\n\n"));
        }
        page.push_str(&format!("{}\n\n", section.doc));
        if place == Place::Process {
            processes(section, page);
        } else {
            keys(section, page);
        }
    }
}

fn heading(section: &Section) -> Option<String> {
    let of_path = || (!section.path.is_empty()).then(|| format!("[{}]", section.path));
    section.heading.map(str::to_owned).or_else(of_path)
}

fn processes(section: &Section, page: &mut String) {
    page.push_str("| flag | variable | type | default | meaning |\n|---|---|---|---|---|\n");
    for row in section.all_rows() {
        let line = format!(
            "| {} | {} | {} | {} | {} |\n",
            code(row.flag),
            code(row.variable),
            kind(&row.kind),
            default(row),
            row.doc.trim()
        );
        page.push_str(&line);
    }
}

fn keys(section: &Section, page: &mut String) {
    page.push_str(
        "| key | type | default | range | limit | meaning |\n|---|---|---|---|---|---|\n",
    );
    for row in section.all_rows() {
        let line = format!(
            "| {} | {} | {} | {} | {} | {}{} |\n",
            code(Some(row.key)),
            kind(&row.kind),
            default(row),
            range(&row.kind),
            code(row.limit.map(LimitName::as_str)),
            row.doc.trim(),
            elsewhere(section, row),
        );
        page.push_str(&line);
    }
}

/// The flag and the variable that also set a key.
fn elsewhere(section: &Section, row: &Row) -> String {
    match (row.flag, row.variable) {
        (Some(flag), Some(variable)) if section.place == Place::Settings => {
            format!(" Also `{flag}`, `{variable}`.")
        }
        _ => String::new(),
    }
}

fn code(text: Option<&str>) -> String {
    text.map(|text| format!("`{text}`")).unwrap_or_default()
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Count(_) => "number".to_owned(),
        Kind::Bytes(_) => "size".to_owned(),
        Kind::Duration(_) => "duration".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Choice(keywords) => {
            let keywords: Vec<String> = keywords
                .iter()
                .map(|keyword| format!("`\"{keyword}\"`"))
                .collect();
            keywords.join(" or ")
        }
        Kind::List => "list of strings".to_owned(),
        Kind::Text(what) => (*what).to_owned(),
    }
}

fn range(kind: &Kind) -> String {
    match kind {
        Kind::Count(range) => format!("{} to {}", range.start(), range.end()),
        Kind::Bytes(range) => format!(
            "{} to {}",
            show_size(*range.start()),
            show_size(*range.end())
        ),
        Kind::Duration(range) => format!(
            "{} to {}",
            show_duration(*range.start()),
            show_duration(*range.end())
        ),
        _ => String::new(),
    }
}

fn default(row: &Row) -> String {
    if let Some(text) = row.preset_text {
        return text.to_owned();
    }
    match (row.preset, &row.kind) {
        (Preset::Number(bytes), Kind::Bytes(_)) => show_size(bytes),
        (Preset::Number(number), _) => number.to_string(),
        (Preset::Duration(duration), _) => show_duration(duration),
        (Preset::Flag(flag), _) => flag.to_string(),
        (Preset::Text(text), _) => format!("`{text}`"),
        (Preset::List([]), _) => "none".to_owned(),
        (Preset::List(items), _) => {
            let items: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
            items.join(", ")
        }
        (Preset::Absent(text), _) => text.to_owned(),
        (Preset::Required, _) => "required".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::config::Config;
    use crate::settings::environment::Environment;
    use crate::settings::flags::Flags;
    use crate::settings::found::EffectiveSetting;
    use crate::settings::sources::Sources;

    const FILE: &str =
        "[upstreams.a]\nbase_url = 'http://127.0.0.1:1/v1'\nmodel = 'm'\n[upstreams.a.cache]\n";
    const PLUGIN: &str = "[config]\nKEY = 'value'\n[[egress]]\nhost = 'api.example.com'\n\
        [secrets.a]\nenv = 'SECRET'\nto = 'https://api.example.com'\n";

    fn rows(place: Place) -> BTreeSet<String> {
        let sections = SECTIONS.iter().filter(|section| section.place == place);
        sections
            .flat_map(|section| section.all_rows().map(|row| section.path_of(row)))
            .collect()
    }

    fn read(found: &[EffectiveSetting]) -> BTreeSet<String> {
        let path = |found: &EffectiveSetting| match found.pattern.as_str() {
            "" => found.key.clone(),
            pattern => format!("{pattern}.{}", found.key),
        };
        found.iter().map(path).collect()
    }

    #[test]
    fn every_key_has_a_row_and_every_row_is_read() {
        let folder = std::env::temp_dir().join(format!("hayrick-page-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.toml"), PLUGIN).unwrap();
        let flags = Flags {
            plugins_dir: Some(folder.clone()),
            ..Flags::default()
        };
        let variable = ("SECRET".to_owned(), "long enough".to_owned());
        let sources = Sources {
            flags,
            file: FILE.parse().unwrap(),
            environment: Environment::from_iter([variable]),
        };
        let config = Config::resolve(sources).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read(&config.found), rows(Place::Settings));
        let name = hayrick_types::id::PipelineName::parse("a").unwrap();
        let found = config.policies.found(&name).unwrap();
        assert_eq!(read(&found), rows(Place::Plugin));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn every_limit_has_a_row() {
        let of_rows = SECTIONS
            .iter()
            .flat_map(Section::all_rows)
            .filter_map(|row| row.limit);
        let fixed = LimitName::FIXED.iter().map(|fixed| fixed.limit);
        let rows: BTreeSet<LimitName> = of_rows.chain(fixed).collect();
        assert_eq!(rows, LimitName::ALL.iter().copied().collect());
    }
}
