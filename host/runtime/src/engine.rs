//! The one wasmtime engine: pooling allocator, epochs.

use hayrick_types::settings::engine::PagemapScan;
use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::compile::settings::settings;
use crate::config::RuntimeConfig;
use crate::warm::IDLE_MAX;

/// Instances beside those of runs: `setup` of new versions.
const SPARE_INSTANCES: u32 = 64;
/// Warm instances between two runs.
const IDLE_INSTANCES: u32 = IDLE_MAX as u32;
/// Core instances and tables of one component that the pool allows: more than any setting, so that
/// the limit with a name is the one reached.
const ENTITIES_MAX: u32 = 20_000;
/// Metadata of one component instance; CPython's is the largest seen, below 1 MiB.
const INSTANCE_METADATA_BYTES_MAX: usize = 4 << 20;
/// All that 32 bits address. The pool reserves that much of the address space for each memory
/// anyway; what a run may use of it is its policy's affair, and the limiter's.
const MEMORY_BYTES_MAX: usize = 4 << 30;
/// Elements of one table that the pool reserves addresses for: the most that `table_elements_max`
/// takes.
const TABLE_ELEMENTS_CEILING: usize = 1_000_000;
/// Tables there are places for, a run: a plugin whose runs all have as many as they may leaves
/// enough to the others.
const TABLES_OF_RUN: u32 = 8;
/// Bytes of a fresh instance that are cleared by writing rather than by giving pages back: the
/// working set of a small Rust guest.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;
/// What host functions need on the fiber's stack above the guest's. No guest can reach it: host
/// functions do not recurse over its data.
const HOST_STACK_BYTES: usize = 1 << 20;

/// Makes the engine.
///
/// # Errors
/// The address space cannot hold the pool.
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
        .total_memories(runs)
        .total_tables(runs.saturating_mul(TABLES_OF_RUN))
        .total_stacks(runs)
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

fn pagemap_scan(wish: PagemapScan) -> Enabled {
    match wish {
        PagemapScan::Auto if swap_is_off() => Enabled::Auto,
        PagemapScan::Auto | PagemapScan::Off => Enabled::No,
    }
}

/// `/proc/swaps` has a heading and a line a device. What cannot be read counts as swap.
fn swap_is_off() -> bool {
    std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1)
}
