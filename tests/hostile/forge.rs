//! Components that no toolchain produces: a real one with something added, changed or cut off, and
//! files that are not components at all.

use wasm_encoder::{
    CodeSection, Component, ComponentExportKind, ComponentExportSection, ComponentImportSection,
    ComponentSection, ComponentTypeRef, ComponentTypeSection, ConstExpr, CustomSection,
    ElementSection, Elements, Function, FunctionSection, InstanceSection, Instruction,
    MemorySection, MemoryType, Module, ModuleArg, ModuleSection, PrimitiveValType, RawSection,
    RefType, StartSection, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{Parser, Payload};

use super::component::built;

/// A working component that does nothing. What is added to it is the attack.
fn real() -> Vec<u8> {
    // If it has not been built, earlier cases have reported that.
    built("hostile/never-sends").unwrap_or_default()
}

/// Counts the core modules and core instances of a component; new ones get the next indexes.
fn counts(component: &[u8]) -> (u32, u32) {
    let (mut modules, mut instances, mut depth) = (0, 0, 0_u32);
    for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } => {
                modules += u32::from(depth == 0);
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::InstanceSection(section) if depth == 0 => instances += section.count(),
            _ => {}
        }
    }
    (modules, instances)
}

/// Appends a section in its binary form.
fn append(component: &mut Vec<u8>, section: &impl ComponentSection) {
    component.push(section.id());
    section.encode(component);
}

/// The real component with another core module, instantiated `times` times.
fn with_module(module: &Module, times: u32) -> Vec<u8> {
    added(real(), module, times)
}

fn added(mut component: Vec<u8>, module: &Module, times: u32) -> Vec<u8> {
    let (modules, _) = counts(&component);
    append(&mut component, &ModuleSection(module));
    let mut instances = InstanceSection::new();
    for _ in 0..times {
        instances.instantiate(modules, Vec::<(&str, ModuleArg)>::new());
    }
    append(&mut component, &instances);
    component
}

/// A module of functions without parameters or results. If `starts`, the first one is the start
/// function.
fn code(functions: impl IntoIterator<Item = Function>, starts: bool) -> Module {
    let (mut module, mut types, mut table, mut bodies) = (
        Module::new(),
        TypeSection::new(),
        FunctionSection::new(),
        CodeSection::new(),
    );
    types.ty().function([], []);
    for function in functions {
        table.function(0);
        bodies.function(&function);
    }
    module.section(&types).section(&table);
    if starts {
        module.section(&StartSection { function_index: 0 });
    }
    module.section(&bodies);
    module
}

fn function(instructions: &[Instruction<'_>]) -> Function {
    let mut function = Function::new([]);
    instructions.iter().for_each(|instruction| {
        function.instruction(instruction);
    });
    function.instruction(&Instruction::End);
    function
}

fn memories(pages: u64) -> Module {
    let (mut module, mut section) = (Module::new(), MemorySection::new());
    section.memory(MemoryType {
        minimum: pages,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    module.section(&section);
    module
}

fn tables(count: u32, elements: u64) -> Module {
    let (mut module, mut section) = (Module::new(), TableSection::new());
    for _ in 0..count {
        let table64 = false;
        section.table(TableType {
            element_type: RefType::FUNCREF,
            minimum: elements,
            maximum: None,
            table64,
            shared: false,
        });
    }
    module.section(&section);
    module
}

pub fn empty() -> Vec<u8> {
    Vec::new()
}

pub fn truncated() -> Vec<u8> {
    let mut bytes = real();
    bytes.truncate(bytes.len() / 2);
    bytes
}

pub fn preamble_alone() -> Vec<u8> {
    Component::HEADER.to_vec()
}

pub fn core_module() -> Vec<u8> {
    code([function(&[])], false).finish()
}

pub fn text() -> Vec<u8> {
    b"(component)".to_vec()
}

/// A hundred megabytes of zeros, which look like empty sections.
pub fn zeros() -> Vec<u8> {
    let mut bytes = Component::HEADER.to_vec();
    bytes.resize(100 << 20, 0);
    bytes
}

/// Changes bytes at places derived from `seed`.
fn flipped(seed: u64) -> Vec<u8> {
    let mut bytes = real();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for _ in 0..8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let place = state as usize % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1 << (state >> 61);
        }
    }
    bytes
}

pub fn flipped_1() -> Vec<u8> {
    flipped(1)
}

pub fn flipped_2() -> Vec<u8> {
    flipped(2)
}

pub fn flipped_3() -> Vec<u8> {
    flipped(3)
}

/// A working component with fifty mebibytes of meaningless custom sections.
pub fn custom_sections() -> Vec<u8> {
    let mut component = real();
    let data = vec![0x55; 512 << 10];
    for number in 0..100 {
        let name = format!("junk {number}");
        append(
            &mut component,
            &CustomSection {
                name: name.as_str().into(),
                data: data.as_slice().into(),
            },
        );
    }
    component
}

/// A section that claims to be four gibibytes long.
pub fn lying_length() -> Vec<u8> {
    let mut component = real();
    component.extend([1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]);
    component
}

/// Deeply nested components.
pub fn nested() -> Vec<u8> {
    let mut inner = Component::HEADER.to_vec();
    for _ in 0..2_000 {
        let mut outer = Component::new();
        outer.section(&RawSection {
            id: 4,
            data: &inner,
        });
        inner = outer.finish();
    }
    inner
}

/// A hundred thousand functions that do nothing.
pub fn many_functions() -> Vec<u8> {
    with_module(&code((0..100_000).map(|_| function(&[])), false), 1)
}

/// One function of the maximum size that is slow to compile: every value stays alive until the end.
pub fn large_function() -> Vec<u8> {
    let mut body = Function::new([(2, ValType::I64)]);
    for _ in 0..60_000 {
        body.instruction(&Instruction::LocalGet(0));
        body.instruction(&Instruction::LocalGet(1));
        body.instruction(&Instruction::I64Mul);
        body.instruction(&Instruction::LocalTee(0));
        body.instruction(&Instruction::LocalSet(1));
        body.instruction(&Instruction::Block(wasm_encoder::BlockType::Empty));
        body.instruction(&Instruction::LocalGet(0));
        body.instruction(&Instruction::I64Eqz);
        body.instruction(&Instruction::BrIf(0));
        body.instruction(&Instruction::End);
    }
    body.instruction(&Instruction::End);
    with_module(&code([body], false), 1)
}

/// A hundred jumps with sixty thousand targets each.
pub fn branch_tables() -> Vec<u8> {
    let targets = vec![0_u32; 60_000];
    let body = (0..20).map(|_| {
        function(&[
            Instruction::Block(wasm_encoder::BlockType::Empty),
            Instruction::I32Const(0),
            Instruction::BrTable(targets.as_slice().into(), 0),
            Instruction::End,
        ])
    });
    with_module(&code(body, false), 1)
}

/// Blocks nested as deeply as a function allows.
pub fn deep_blocks() -> Vec<u8> {
    let mut body = Function::new([]);
    for _ in 0..50_000 {
        body.instruction(&Instruction::Block(wasm_encoder::BlockType::Empty));
    }
    for _ in 0..=50_000 {
        body.instruction(&Instruction::End);
    }
    with_module(&code([body], false), 1)
}

pub fn many_memories() -> Vec<u8> {
    with_module(&memories(0), 150)
}

pub fn some_memories() -> Vec<u8> {
    with_module(&memories(1), 3)
}

/// The same in a guest that runs for as long as possible.
pub fn staying_memories() -> Vec<u8> {
    added(
        built("hostile/never-returns").unwrap_or_default(),
        &memories(1),
        3,
    )
}

pub fn large_memory() -> Vec<u8> {
    with_module(&memories(65_536), 1)
}

pub fn many_instances() -> Vec<u8> {
    with_module(&Module::new(), 5_000)
}

pub fn many_tables() -> Vec<u8> {
    with_module(&tables(90, 0), 1)
}

pub fn large_table() -> Vec<u8> {
    with_module(&tables(1, 10_000_000), 1)
}

/// A table filled with a million references to one function.
pub fn large_elements() -> Vec<u8> {
    let (mut module, mut types, mut functions) =
        (Module::new(), TypeSection::new(), FunctionSection::new());
    let (mut table, mut elements, mut bodies) = (
        TableSection::new(),
        ElementSection::new(),
        CodeSection::new(),
    );
    types.ty().function([], []);
    functions.function(0);
    table.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: 40_000,
        maximum: None,
        table64: false,
        shared: false,
    });
    for _ in 0..25 {
        elements.active(
            None,
            &ConstExpr::i32_const(0),
            Elements::Functions(vec![0; 40_000].into()),
        );
    }
    bodies.function(&function(&[]));
    module
        .section(&types)
        .section(&functions)
        .section(&table)
        .section(&elements)
        .section(&bodies);
    with_module(&module, 1)
}

pub fn start_spins() -> Vec<u8> {
    let body = function(&[
        Instruction::Loop(wasm_encoder::BlockType::Empty),
        Instruction::Br(0),
        Instruction::End,
    ]);
    with_module(&code([body], true), 1)
}

pub fn start_traps() -> Vec<u8> {
    with_module(&code([function(&[Instruction::Unreachable])], true), 1)
}

pub fn start_recurses() -> Vec<u8> {
    with_module(&code([function(&[Instruction::Call(0)])], true), 1)
}

/// A component that imports a function with this name.
fn importing(name: &str) -> Vec<u8> {
    let mut component = real();
    let mut types = ComponentTypeSection::new();
    // The new type is the last one: nothing of the real component comes after it.
    let index = type_count(&component);
    types
        .function()
        .params([] as [(&str, PrimitiveValType); 0])
        .result(None);
    append(&mut component, &types);
    let mut imports = ComponentImportSection::new();
    imports.import(name, ComponentTypeRef::Func(index));
    append(&mut component, &imports);
    component
}

fn type_count(component: &[u8]) -> u32 {
    let (mut count, mut depth) = (0, 0_u32);
    for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentTypeSection(section) if depth == 0 => count += section.count(),
            Payload::ComponentImportSection(section) if depth == 0 => {
                count += types_in(
                    section
                        .into_iter()
                        .filter_map(Result::ok)
                        .map(|import| matches!(import.ty, wasmparser::ComponentTypeRef::Type(_))),
                );
            }
            Payload::ComponentAliasSection(section) if depth == 0 => {
                let aliases = section.into_iter().filter_map(Result::ok);
                count += types_in(aliases.map(|alias| {
                    use wasmparser::{
                        ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind,
                    };
                    matches!(
                        alias,
                        ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Type,
                            ..
                        } | ComponentAlias::Outer {
                            kind: ComponentOuterAliasKind::Type,
                            ..
                        }
                    )
                }));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                count += types_in(
                    section
                        .into_iter()
                        .filter_map(Result::ok)
                        .map(|export| export.kind == wasmparser::ComponentExternalKind::Type),
                );
            }
            _ => {}
        }
    }
    count
}

fn types_in(are_types: impl Iterator<Item = bool>) -> u32 {
    are_types.map(u32::from).sum()
}

pub fn unknown_import() -> Vec<u8> {
    importing("open-the-door")
}

/// Exports an instance a second time, under the name that the host looks for.
pub fn chat_twice() -> Vec<u8> {
    let mut component = real();
    let mut exports = ComponentExportSection::new();
    exports.export(
        "hayrick:pipeline/chat@0.1.0",
        ComponentExportKind::Instance,
        0,
        None,
    );
    append(&mut component, &exports);
    component
}

/// Exports empty instances under the names of a plugin's interfaces.
fn impostor(names: &[&str]) -> Vec<u8> {
    let mut component = Component::HEADER.to_vec();
    let mut instances = wasm_encoder::ComponentInstanceSection::new();
    instances.export_items(Vec::<(&str, ComponentExportKind, u32)>::new());
    append(&mut component, &instances);
    let mut exports = ComponentExportSection::new();
    for name in names {
        exports.export(*name, ComponentExportKind::Instance, 0, None);
    }
    append(&mut component, &exports);
    component
}

pub fn wrong_types() -> Vec<u8> {
    impostor(&[
        "hayrick:pipeline/lifecycle@0.1.0",
        "hayrick:pipeline/chat@0.1.0",
    ])
}

pub fn lookalikes() -> Vec<u8> {
    impostor(&[
        "hayrick:pipeline/lifecycle@0.1.00",
        "hayrick:pipe-line/chat@0.1.0",
        "hayrick:pipeline/chat@0.1.0-rc",
    ])
}

/// The real component plus the valid module that tests/guests/smith generated from this seed with
/// wasm-smith.
fn smith(seed: u64) -> Vec<u8> {
    let module = built(&format!("hostile/smith-{seed}.core")).unwrap_or_default();
    let mut component = real();
    let (modules, _) = counts(&component);
    append(
        &mut component,
        &RawSection {
            id: 1,
            data: &module,
        },
    );
    let mut instances = InstanceSection::new();
    instances.instantiate(modules, Vec::<(&str, ModuleArg)>::new());
    append(&mut component, &instances);
    component
}

pub fn smith_6() -> Vec<u8> {
    smith(6)
}

pub fn smith_7() -> Vec<u8> {
    smith(7)
}

pub fn smith_10() -> Vec<u8> {
    smith(10)
}

pub fn smith_12() -> Vec<u8> {
    smith(12)
}
