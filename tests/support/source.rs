//! The source of the host as data: files, modules, and dependencies between modules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One Rust file.
pub struct Source {
    /// The path from the root of the repository.
    pub path: PathBuf,
    pub text: String,
    /// The text without whole-line comments and test-only code.
    pub code: String,
}

/// A crate: its modules by path. The path of the root is empty.
pub struct Crate {
    pub modules: BTreeMap<Vec<String>, Source>,
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
///
/// # Panics
/// It does not exist.
pub fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(&path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Every Rust file below a folder, in order, without build output.
pub fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    paths.into_iter().map(|path| source(&path)).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir()
            && !["target", "node_modules"].contains(&name.as_ref())
            && !name.starts_with('.')
        {
            walk(&path, paths);
        } else if name.ends_with(".rs") {
            paths.push(path.clone());
        }
    }
}

fn source(path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let path = path.strip_prefix(root()).unwrap().to_owned();
    Source {
        path,
        code: shipped(&text),
        text,
    }
}

/// Removes comments and tests. Relies on rustfmt: an item ends at the first `}` with the
/// indentation of its first line.
fn shipped(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let bare = line.trim_start();
        if bare == "#[cfg(test)]" {
            let end = format!("{}}}", &line[..line.len() - bare.len()]);
            let item = lines
                .by_ref()
                .find(|line| !line.trim_start().starts_with("#["))
                .unwrap_or_default();
            if item.ends_with('{') {
                lines.by_ref().find(|line| *line == end);
            }
        } else if !bare.starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

impl Crate {
    /// The crate whose root file (`lib.rs` or `main.rs`) is in `folder`.
    pub fn read(folder: &str) -> Crate {
        let modules = sources(folder)
            .into_iter()
            .map(|source| (module_path(&source.path, folder), source))
            .collect();
        Crate { modules }
    }

    /// The modules of this crate that `module` depends on, except itself.
    pub fn named_by(&self, module: &[String]) -> BTreeSet<Vec<String>> {
        let code = &self.modules[module].code;
        let absolute = occurrences(code, "crate").flat_map(|rest| paths(rest, &[]));
        let upwards = occurrences(code, "super")
            .flat_map(|rest| paths(rest, &module[..module.len().saturating_sub(1)]));
        let downwards = self.children(module).flat_map(|child| {
            let name = child.last().unwrap();
            occurrences(code, name)
                .flat_map(|rest| paths(rest, child))
                .collect::<Vec<_>>()
        });
        let named = absolute
            .chain(upwards)
            .chain(downwards)
            .map(|path| self.module_of(&path));
        named.filter(|named| named != module).collect()
    }

    fn children(&self, module: &[String]) -> impl Iterator<Item = &Vec<String>> {
        self.modules.keys().filter(move |path| {
            path.split_last()
                .is_some_and(|(_, parent)| parent == module)
        })
    }

    /// The module of an item's path: its longest prefix that is a file.
    fn module_of(&self, path: &[String]) -> Vec<String> {
        let beginnings = (0..=path.len()).rev().map(|length| path[..length].to_vec());
        beginnings
            .into_iter()
            .find(|beginning| self.modules.contains_key(beginning))
            .unwrap_or_default()
    }

    /// A cycle of modules that depend on each other, if there is one.
    pub fn circle(&self) -> Option<Vec<String>> {
        let named = |module: &Vec<String>| (module.clone(), self.named_by(module));
        let mut left: BTreeMap<_, _> = self.modules.keys().map(named).collect();
        loop {
            let ends =
                |named: &BTreeSet<Vec<String>>| !named.iter().any(|one| left.contains_key(one));
            let free: Vec<_> = left
                .iter()
                .filter(|(_, named)| ends(named))
                .map(|(module, _)| module.clone())
                .collect();
            if free.is_empty() {
                return left.keys().next().map(|start| walk_around(start, &left));
            }
            left.retain(|module, _| !free.contains(module));
        }
    }
}

/// Follows dependencies among modules that each have one, until a module repeats.
fn walk_around(
    start: &[String],
    left: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
) -> Vec<String> {
    let mut way = vec![start.to_vec()];
    loop {
        let next = left[way.last().unwrap()]
            .iter()
            .find(|named| left.contains_key(*named))
            .unwrap();
        if let Some(first) = way.iter().position(|module| module == next) {
            way.push(next.clone());
            return way[first..]
                .iter()
                .map(|module| module.join("::"))
                .collect();
        }
        way.push(next.clone());
    }
}

fn module_path(path: &Path, folder: &str) -> Vec<String> {
    let below = path.strip_prefix(folder).unwrap().with_extension("");
    let mut names: Vec<String> = below
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if names
        .last()
        .is_some_and(|name| ["lib", "main", "mod"].contains(&name.as_str()))
    {
        names.pop();
    }
    names
}

/// The text after each `name::` that starts a path.
fn occurrences<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
    let begins = |at: usize| {
        !code[..at].ends_with(|before: char| {
            before.is_alphanumeric() || before == '_' || before == ':' || before == '$'
        })
    };
    code.match_indices(name)
        .filter(move |(at, _)| begins(*at))
        .filter_map(move |(at, _)| code[at + name.len()..].strip_prefix("::"))
}

/// The paths at the start of `text`, below `base`: one, or all in its braces.
fn paths(text: &str, base: &[String]) -> Vec<Vec<String>> {
    let mut path = base.to_vec();
    let mut rest = text;
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            return members(group)
                .into_iter()
                .flat_map(|member| paths(member, &path))
                .collect();
        }
        let end = rest
            .find(|char: char| !char.is_alphanumeric() && char != '_')
            .unwrap_or(rest.len());
        match &rest[..end] {
            "" | "self" => return vec![path],
            "super" => drop(path.pop()),
            name => path.push(name.to_owned()),
        }
        let Some(further) = rest[end..].strip_prefix("::") else {
            return vec![path];
        };
        rest = further;
    }
}

/// The comma-separated members of a group, up to the brace that closes it.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (0, 0, Vec::new());
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                members.push(group[start..at].trim());
                start = at + 1;
                if char == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    members.retain(|member| !member.is_empty());
    members
}

#[test]
fn imports_are_found_in_every_form() {
    let show = |text: &str| {
        paths(text, &[])
            .iter()
            .map(|path| path.join("::"))
            .collect::<Vec<_>>()
    };
    assert_eq!(show("a::B;"), ["a::B"]);
    assert_eq!(
        show("a::{B, c::{D, E}, self};"),
        ["a::B", "a::c::D", "a::c::E", "a"]
    );
    let code = shipped(
        "use crate::a::B;\n// crate::no\n#[cfg(test)]\nmod tests {\n    use crate::no;\n}\nfn f() {\n    x(crate::c::d)\n}\n",
    );
    assert_eq!(
        occurrences(&code, "crate")
            .flat_map(|rest| paths(rest, &[]))
            .count(),
        2
    );
}
