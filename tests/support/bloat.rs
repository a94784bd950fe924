//! Guests with extra core modules that are instantiated next to their own.

use super::guest::guest_bytes;
use super::wasm::number;

/// Ids of component sections: a core module, and core instances.
const CORE_MODULE: u8 = 1;
const CORE_INSTANCES: u8 = 2;
/// Ids of core module sections.
const TABLES: u8 = 4;
const MEMORIES: u8 = 5;
const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";
const PREAMBLE_BYTES: usize = 8;
const FUNCTION_REFERENCE: u8 = 0x70;

/// A core module with this many tables of this many elements each.
pub fn tables(count: u32, elements: u32) -> Vec<u8> {
    let table = [vec![FUNCTION_REFERENCE, 0], number(elements as usize)].concat();
    module(TABLES, count, &table)
}

/// A core module with a memory of this many pages of 64 KiB.
pub fn memory(pages: u32) -> Vec<u8> {
    module(MEMORIES, 1, &[vec![0], number(pages as usize)].concat())
}

/// A core module with nothing in it.
pub fn nothing() -> Vec<u8> {
    PREAMBLE.to_vec()
}

/// The component of a guest that also instantiates `module`, `times` over.
pub fn bloated(guest: &str, module: &[u8], times: u32) -> Vec<u8> {
    let mut component = guest_bytes(guest);
    let index = core_modules(&component);
    component.extend(section(CORE_MODULE, module));
    let instance = [vec![0], number(index as usize), number(0)].concat();
    component.extend(section(
        CORE_INSTANCES,
        &[number(times as usize), instance.repeat(times as usize)].concat(),
    ));
    component
}

/// The number of core modules of a component, without those of nested components.
fn core_modules(component: &[u8]) -> u32 {
    let (mut rest, mut count) = (&component[PREAMBLE_BYTES..], 0);
    while let Some((&id, after)) = rest.split_first() {
        let (length, after) = read_number(after);
        count += u32::from(id == CORE_MODULE);
        rest = &after[length..];
    }
    count
}

fn module(section_id: u8, count: u32, item: &[u8]) -> Vec<u8> {
    let items = [number(count as usize), item.repeat(count as usize)].concat();
    [PREAMBLE.to_vec(), section(section_id, &items)].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], number(content.len()), content.to_vec()].concat()
}

fn read_number(bytes: &[u8]) -> (usize, &[u8]) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value = bytes[..length]
        .iter()
        .rev()
        .fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    (value, &bytes[length..])
}
