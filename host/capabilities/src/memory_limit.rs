//! How much linear memory and how many table elements one store may have, all its instances together.

use wasmtime::ResourceLimiter;

/// Elements of all tables of a store; CPython's largest has some 10,000.
const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Core instances, memories and tables of a store, each. A CPython component has about forty core instances.
const ENTITIES_MAX: usize = 200;

/// Counts what a store grows. A guest's `memory.grow` past the limit fails softly, as WebAssembly defines it.
#[derive(Debug)]
pub struct MemoryLimit {
    bytes_max: usize,
    bytes: usize,
    table_elements: usize,
    reached: bool,
}

impl MemoryLimit {
    /// A limit of `bytes_max` for all linear memories together.
    pub fn new(bytes_max: usize) -> MemoryLimit {
        MemoryLimit { bytes_max, bytes: 0, table_elements: 0, reached: false }
    }

    /// Whether the guest was refused memory: a trap after that is most likely its consequence.
    pub fn reached(&self) -> bool {
        self.reached
    }

    /// The limit in bytes.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.bytes.saturating_add(desired.saturating_sub(current));
        let allowed = total <= self.bytes_max;
        if allowed {
            self.bytes = total;
        }
        self.reached |= !allowed;
        Ok(allowed)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        let allowed = total <= TABLE_ELEMENTS_MAX;
        if allowed {
            self.table_elements = total;
        }
        self.reached |= !allowed;
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        ENTITIES_MAX
    }

    fn tables(&self) -> usize {
        ENTITIES_MAX
    }

    fn memories(&self) -> usize {
        ENTITIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_of_a_store_share_one_limit() {
        let mut limit = MemoryLimit::new(100);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 60, None).unwrap());
        assert!(limit.reached());
        assert!(limit.memory_growing(60, 100, None).unwrap());
    }
}
