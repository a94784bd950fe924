//! Hand-made components that no toolchain produces: deep, huge, or expensive to compile.

/// The start of every component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// The start of every module.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A section of a module or component.
pub fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], number(content.len()).as_slice(), content].concat()
}

/// A component with these sections.
pub fn component(sections: &[u8]) -> Vec<u8> {
    [COMPONENT, sections].concat()
}

/// A component with one core module of these sections.
pub fn with_module(sections: &[u8]) -> Vec<u8> {
    component(&section(1, &[MODULE, sections].concat()))
}

/// Nested components.
pub fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(component(&[]), |inner, _| component(&section(4, &inner)))
}

/// A module that announces `count` items of a section, but contains about two bytes.
pub fn promises(id: u8, count: usize) -> Vec<u8> {
    with_module(&section(id, &number(count)))
}

/// A valid component whose only module has `functions` functions of `bytes` bytes each: nothing to
/// run, but much to compile.
pub fn bomb(functions: usize, bytes: usize) -> Vec<u8> {
    // local.get 0, i32.const 5, i32.mul, local.set 0
    let step = [0x20, 0, 0x41, 5, 0x6c, 0x21, 0];
    // Preceded by one 32-bit local, followed by `end`.
    let body = [
        &[1, 1, 0x7f],
        step.repeat(bytes / step.len()).as_slice(),
        &[0x0b],
    ]
    .concat();
    let body = [number(body.len()), body].concat();
    let types = section(1, &[1, 0x60, 0, 0]);
    let declared = section(3, &[number(functions), vec![0; functions]].concat());
    let code = section(10, &[number(functions), body.repeat(functions)].concat());
    with_module(&[types, declared, code].concat())
}

/// A valid component with one function that is a branch table with `targets` targets.
pub fn branch_table(targets: usize) -> Vec<u8> {
    // block, i32.const 0, br_table of all zeros with a default, end, end
    let body = [
        &[0, 0x02, 0x40, 0x41, 0, 0x0e],
        number(targets).as_slice(),
        &vec![0; targets + 1],
        &[0x0b, 0x0b],
    ]
    .concat();
    let code = [&[1], number(body.len()).as_slice(), &body].concat();
    with_module(
        &[
            section(1, &[1, 0x60, 0, 0]),
            section(3, &[1, 0]),
            section(10, &code),
        ]
        .concat(),
    )
}

/// Encodes a number as LEB128.
pub fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
