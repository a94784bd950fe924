//! Configures the wasmtime engine: its pooling allocator and epochs.

use hayrick_capabilities::suspended_calls::FREE;
use hayrick_types::settings::engine::PagemapScan;
use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::compile::settings::settings;
use crate::config::RuntimeConfig;
use crate::warm::IDLE_MAX;

/// Instances for `setup` of new versions, in addition to those of runs.
const SPARE_INSTANCES: u32 = 64;
/// Warm instances between two runs.
const IDLE_INSTANCES: u32 = IDLE_MAX as u32;
/// Core instances and tables per component that the pool allows. It is higher than any setting, so
/// that a component reaches a named limit first.
const ENTITIES_MAX: u32 = 20_000;
/// Metadata of one component instance. The largest we have seen is that of CPython, below 1 MiB.
const INSTANCE_METADATA_BYTES_MAX: usize = 4 << 20;
/// Memories of one run that the pool has room for: even if all runs of a plugin have as many as they
/// may, half of the pool is left for the others.
const MEMORIES_OF_RUN: usize = 2;
/// With more memories of 4 GiB, the addresses that they reserve leave too little of the 47 bits of a
/// process.
const MEMORIES_CEILING: u32 = 24_000;
/// The whole range of 32-bit addresses. The pool reserves this much address space for each memory
/// anyway; the store's limiter enforces the limit in the policy.
const MEMORY_BYTES_MAX: usize = 4 << 30;
/// Elements of one table that the pool reserves addresses for: the highest allowed value of
/// `table_elements_max`.
const TABLE_ELEMENTS_CEILING: usize = 1_000_000;
/// Tables per run that the pool has room for. Even if all runs of a plugin use as many as they may,
/// enough are left for the others.
const TABLES_OF_RUN: u32 = 8;
/// Linux allows a process 65,530 mappings, and a stack takes two: itself and its guard page. The
/// rest is for the memories of runs.
const STACKS_CEILING: u32 = 20_000;
/// Bytes of an instance that are zeroed for its next use instead of returning the pages to the
/// system: the working set of a small Rust guest.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;
/// Stack that host functions need on a fiber, in addition to the stack of the guest. A guest cannot
/// exhaust it, because host functions do not recurse over its data.
const HOST_STACK_BYTES: usize = 1 << 20;

/// Creates the engine.
///
/// # Errors
/// The pool does not fit into the address space.
pub(crate) fn engine(config: &RuntimeConfig) -> wasmtime::Result<Engine> {
    let runs = config.engine.host_runs_max.saturating_add(config.jobs_max);
    let runs = u32::try_from(runs)
        .unwrap_or(u32::MAX)
        .saturating_add(SPARE_INSTANCES)
        .saturating_add(IDLE_INSTANCES);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(runs)
        .total_core_instances(
            runs.saturating_mul(u32::try_from(config.limits.instances_max).unwrap_or(u32::MAX)),
        )
        .total_memories(slots(runs, MEMORIES_OF_RUN, 0, MEMORIES_CEILING))
        .total_tables(runs.saturating_mul(TABLES_OF_RUN))
        .total_stacks(slots(
            runs,
            FREE,
            config.engine.host_suspended_calls_max,
            STACKS_CEILING,
        ))
        .max_core_instances_per_component(ENTITIES_MAX)
        .max_tables_per_component(ENTITIES_MAX)
        .max_tables_per_module(ENTITIES_MAX)
        .max_component_instance_size(INSTANCE_METADATA_BYTES_MAX)
        .max_core_instance_size(INSTANCE_METADATA_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_CEILING)
        .max_memory_size(MEMORY_BYTES_MAX)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES)
        .pagemap_scan(pagemap_scan(config.engine.pagemap_scan));
    let mut settings = settings();
    settings
        .max_wasm_stack(config.engine.stack_bytes_max)
        .async_stack_size(
            config
                .engine
                .stack_bytes_max
                .saturating_add(HOST_STACK_BYTES),
        )
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&settings)
}

/// Slots of the pool: `each` for every run and `more` besides, within `ceiling`, but one for every
/// run at least.
fn slots(runs: u32, each: usize, more: usize, ceiling: u32) -> u32 {
    let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
    runs.saturating_mul(number(each))
        .saturating_add(number(more))
        .min(ceiling)
        .max(runs)
}

fn pagemap_scan(setting: PagemapScan) -> Enabled {
    match setting {
        PagemapScan::Auto if swap_is_off() => Enabled::Auto,
        PagemapScan::Auto | PagemapScan::Off => Enabled::No,
    }
}

/// Whether no swap is in use. `/proc/swaps` has a heading and one line per device. If it cannot be
/// read, assume swap.
fn swap_is_off() -> bool {
    std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1)
}
