//! Generates `docs/contract.md` from the WIT files, so that it cannot differ from them.

use std::fmt::Write;

use hayrick_types::policy::Interface;
use wit_parser::{
    Function, FunctionKind, Handle, Resolve, Result_, Type, TypeDef, TypeDefKind, TypeOwner,
};

use crate::support::pages::check_page;
use crate::support::source::root;

const INTRODUCTION: &str = "\
# The contract: `hayrick:pipeline`

A plugin is a component that exports `lifecycle` and at least one other export below, and imports
what it needs. This page is generated from [wit/](../wit). Functions marked `async` may wait; in
`hayrick:pipeline-sync`, for toolchains that cannot import async functions, the same functions are
not `async`.
";

#[test]
fn the_contract_page_is_up_to_date() {
    check_page("docs/contract.md", &page());
}

/// The whole page.
fn page() -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).unwrap();
    let interfaces = &resolve.packages[package].interfaces;
    let world = &resolve.worlds[resolve.packages[package].worlds["everything"]];
    let exported: Vec<_> = world.exports.values().collect();
    let (mut exports, mut imports) = (String::new(), String::new());
    for (name, id) in interfaces.iter().filter(|(name, _)| *name != "types") {
        let is_export = exported
            .iter()
            .any(|item| matches!(item, wit_parser::WorldItem::Interface { id: other, .. } if other == id));
        let section = if is_export {
            &mut exports
        } else {
            &mut imports
        };
        write_interface(section, &resolve, name, *id, is_export);
    }
    let mut types = String::new();
    write_types(&mut types, &resolve, interfaces["types"]);
    format!("{INTRODUCTION}\n## Exports\n{exports}\n## Imports\n{imports}\n## Types\n{types}")
}

fn write_interface(
    out: &mut String,
    resolve: &Resolve,
    name: &str,
    id: wit_parser::InterfaceId,
    is_export: bool,
) {
    let interface = &resolve.interfaces[id];
    write!(out, "\n### `{name}`\n\n{}", docs(&interface.docs)).unwrap();
    if !is_export {
        let grant = match Interface::parse(name) {
            Some(grant) if Interface::granted_by_default().contains(&grant) => {
                "The operator grants it by default."
            }
            Some(_) => "The operator has to grant it.",
            None => "It needs no grant.",
        };
        writeln!(out, "{grant}").unwrap();
    }
    for function in interface.functions.values() {
        write_function(out, resolve, function);
    }
    write_types(out, resolve, id);
}

fn write_function(out: &mut String, resolve: &Resolve, function: &Function) {
    let is_method = matches!(
        function.kind,
        FunctionKind::Method(_) | FunctionKind::AsyncMethod(_)
    );
    let parameters: Vec<String> = function
        .params
        .iter()
        .skip(usize::from(is_method))
        .map(|parameter| format!("{}: {}", parameter.name, type_name(resolve, &parameter.ty)))
        .collect();
    let result = function
        .result
        .as_ref()
        .map(|result| format!(" -> {}", type_name(resolve, result)))
        .unwrap_or_default();
    let marker = if is_async(&function.kind) {
        "async "
    } else {
        ""
    };
    let name = function
        .name
        .strip_prefix("[method]")
        .unwrap_or(&function.name);
    write!(
        out,
        "\n- `{name}: {marker}func({}){result}`\n",
        parameters.join(", ")
    )
    .unwrap();
    for line in docs(&function.docs).trim_end().lines() {
        writeln!(out, "  {line}").unwrap();
    }
}

fn is_async(kind: &FunctionKind) -> bool {
    matches!(
        kind,
        FunctionKind::AsyncFreestanding
            | FunctionKind::AsyncMethod(_)
            | FunctionKind::AsyncStatic(_)
    )
}

/// Every type that the interface defines. Types that it only uses are described where they are
/// defined.
fn write_types(out: &mut String, resolve: &Resolve, id: wit_parser::InterfaceId) {
    let interface = &resolve.interfaces[id];
    for (name, type_id) in &interface.types {
        let definition = &resolve.types[*type_id];
        let is_own = definition.owner == TypeOwner::Interface(id);
        let is_used_from_elsewhere = matches!(
            &definition.kind,
            TypeDefKind::Type(Type::Id(target)) if resolve.types[*target].owner != TypeOwner::Interface(id)
        );
        if is_own && !is_used_from_elsewhere {
            write_type(out, resolve, name, definition);
        }
    }
}

fn write_type(out: &mut String, resolve: &Resolve, name: &str, definition: &TypeDef) {
    write!(out, "\n- `{}`\n", declaration(resolve, name, definition)).unwrap();
    for line in docs(&definition.docs).trim_end().lines() {
        writeln!(out, "  {line}").unwrap();
    }
    for (name, ty, text) in members(resolve, definition) {
        let ty = ty.map(|ty| format!(": {ty}")).unwrap_or_default();
        let text = text.trim_end().replace('\n', "\n    ");
        let text = if text.is_empty() {
            text
        } else {
            format!(" — {text}")
        };
        writeln!(out, "  - `{name}{ty}`{text}").unwrap();
    }
}

fn declaration(resolve: &Resolve, name: &str, definition: &TypeDef) -> String {
    match &definition.kind {
        TypeDefKind::Type(target) => format!("type {name} = {}", type_name(resolve, target)),
        kind => format!("{} {name}", kind.as_str()),
    }
}

/// Fields or cases: name, type if it has one, and documentation.
fn members(resolve: &Resolve, definition: &TypeDef) -> Vec<(String, Option<String>, String)> {
    match &definition.kind {
        TypeDefKind::Record(record) => record
            .fields
            .iter()
            .map(|field| {
                let ty = type_name(resolve, &field.ty);
                (field.name.clone(), Some(ty), docs(&field.docs))
            })
            .collect(),
        TypeDefKind::Variant(variant) => variant
            .cases
            .iter()
            .map(|case| {
                let ty = case.ty.as_ref().map(|ty| type_name(resolve, ty));
                (case.name.clone(), ty, docs(&case.docs))
            })
            .collect(),
        TypeDefKind::Enum(cases) => cases
            .cases
            .iter()
            .map(|case| (case.name.clone(), None, docs(&case.docs)))
            .collect(),
        _ => Vec::new(),
    }
}

fn type_name(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else {
        return primitive(ty);
    };
    let definition = &resolve.types[*id];
    if let Some(name) = &definition.name {
        return name.clone();
    }
    let one = |ty: &Type| type_name(resolve, ty);
    let or_nothing = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), one);
    match &definition.kind {
        TypeDefKind::Option(inner) => format!("option<{}>", one(inner)),
        TypeDefKind::List(inner) => format!("list<{}>", one(inner)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(one).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Result(Result_ {
            ok: None,
            err: None,
        }) => "result".to_owned(),
        TypeDefKind::Result(Result_ { ok, err: None }) => format!("result<{}>", or_nothing(ok)),
        TypeDefKind::Result(Result_ { ok, err }) => {
            format!("result<{}, {}>", or_nothing(ok), or_nothing(err))
        }
        TypeDefKind::Handle(Handle::Borrow(id)) => {
            format!("borrow<{}>", one(&Type::Id(*id)))
        }
        TypeDefKind::Handle(Handle::Own(id)) => one(&Type::Id(*id)),
        kind => panic!("the contract page cannot show a {} yet", kind.as_str()),
    }
}

fn primitive(ty: &Type) -> String {
    format!("{ty:?}").to_lowercase()
}

fn docs(docs: &wit_parser::Docs) -> String {
    docs.contents
        .as_deref()
        .map(|text| format!("{}\n", text.trim()))
        .unwrap_or_default()
}
