//! Limits how far one store may grow, over all its instances: its tables and its linear memory,
//! which also counts toward the limits of the plugin and of the host.

use std::sync::Arc;

use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::limits::Limits;
use wasmtime::ResourceLimiter;

use crate::plugin_share::{Full, PluginShare};

/// The maximum of everything that a store may have.
#[derive(Debug, Clone, Copy)]
struct Max {
    bytes: usize,
    plugin_bytes: usize,
    table_elements: usize,
    instances: usize,
    memories: usize,
    tables: usize,
}

/// Counts the growth of a store. If a guest grows its memory past a limit, `memory.grow` returns
/// -1, as WebAssembly defines it.
#[derive(Debug)]
pub struct MemoryLimit {
    share: Arc<PluginShare>,
    max: Max,
    bytes: usize,
    table_elements: usize,
    /// The bytes allowed last, to give back if the growth fails.
    pending: usize,
    refused: Option<LimitName>,
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

impl MemoryLimit {
    /// The limit of one run among the runs of the plugin that `share` belongs to.
    pub fn new(limits: &Limits, share: Arc<PluginShare>) -> MemoryLimit {
        let max = Max {
            bytes: limits.memory_bytes_max,
            plugin_bytes: limits.plugin_memory_bytes_max,
            table_elements: limits.table_elements_max,
            instances: limits.instances_max,
            memories: limits.memories_max,
            tables: limits.tables_max,
        };
        MemoryLimit {
            share,
            max,
            bytes: 0,
            table_elements: 0,
            pending: 0,
            refused: None,
        }
    }

    /// The limit that last kept the guest from growing, if any. It is the most likely cause of a
    /// later trap.
    pub fn refused(&self) -> Option<LimitName> {
        self.refused
    }

    /// Takes `more` bytes from the memory of the run, of the plugin and of the host.
    fn take(&self, more: usize) -> Result<(), LimitName> {
        if self.bytes.saturating_add(more) > self.max.bytes {
            return Err(LimitName::MemoryBytesMax);
        }
        let taken = self.share.memory().take(more, self.max.plugin_bytes);
        taken.map_err(|full| match full {
            Full::Plugin => LimitName::PluginMemoryBytesMax,
            Full::Host(_) => LimitName::HostMemoryBytesMax,
        })
    }

    fn give_back(&self, bytes: usize) {
        self.share.memory().give_back(bytes);
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.pending = 0;
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The type of the memory forbids it: nothing grows, so nothing is counted.
            return Ok(false);
        }
        let more = desired.saturating_sub(current);
        match self.take(more) {
            Ok(()) => {
                self.bytes += more;
                self.pending = more;
                Ok(true)
            }
            Err(limit) => {
                self.refused = Some(limit);
                Ok(false)
            }
        }
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        let failed = std::mem::take(&mut self.pending);
        self.bytes -= failed;
        self.give_back(failed);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let total = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        let allowed = total <= self.max.table_elements;
        if allowed {
            self.table_elements = total;
        } else {
            self.refused = Some(LimitName::TableElementsMax);
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        self.max.instances
    }

    fn tables(&self) -> usize {
        self.max.tables
    }

    fn memories(&self) -> usize {
        self.max.memories
    }
}

#[cfg(test)]
mod tests {
    use hayrick_services::metrics::Metrics;

    use super::*;
    use crate::plugin_share::HostMax;

    fn host_max(memory_bytes: usize) -> HostMax {
        HostMax {
            memory_bytes,
            suspended_calls: 0,
        }
    }

    fn limits(memory: usize, plugin: usize) -> Limits {
        Limits {
            memory_bytes_max: memory,
            plugin_memory_bytes_max: plugin,
            ..Limits::default()
        }
    }

    #[test]
    fn the_memories_of_a_store_share_one_limit() {
        let share = PluginShare::new(Metrics::default(), &"a".into(), host_max(1000));
        let mut limit = MemoryLimit::new(&limits(100, 1000), share);
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 60, None).unwrap());
        assert_eq!(limit.refused(), Some(LimitName::MemoryBytesMax));
        assert!(limit.memory_growing(60, 100, None).unwrap());
    }

    #[test]
    fn runs_share_the_memory_of_the_plugin_and_plugins_the_memory_of_the_host() {
        let host = Metrics::default();
        let [share, other] =
            ["a", "b"].map(|name| PluginShare::new(host.clone(), &name.into(), host_max(150)));
        let mut first = MemoryLimit::new(&limits(100, 120), Arc::clone(&share));
        let mut second = MemoryLimit::new(&limits(100, 120), share);
        let mut third = MemoryLimit::new(&limits(100, 120), other);
        assert!(first.memory_growing(0, 100, None).unwrap());
        assert!(!second.memory_growing(0, 30, None).unwrap());
        assert_eq!(second.refused(), Some(LimitName::PluginMemoryBytesMax));
        assert!(!third.memory_growing(0, 60, None).unwrap());
        assert_eq!(third.refused(), Some(LimitName::HostMemoryBytesMax));
        drop(first);
        assert!(
            second.memory_growing(0, 30, None).unwrap()
                && third.memory_growing(0, 60, None).unwrap()
        );
        assert_eq!(host.memory().count(), 90);
    }

    #[test]
    fn failed_growth_is_not_counted() {
        let host = Metrics::default();
        let mut limit = MemoryLimit::new(
            &limits(100, 100),
            PluginShare::new(host.clone(), &"a".into(), host_max(100)),
        );
        assert!(!limit.memory_growing(0, 90, Some(80)).unwrap());
        assert!(limit.memory_growing(0, 90, None).unwrap());
        limit
            .memory_grow_failed(wasmtime::format_err!("no"))
            .unwrap();
        assert_eq!((host.memory().count(), limit.refused()), (0, None));
    }
}
