//! The one wasmtime engine: pooling allocator, epochs, compile cache.

use std::path::Path;

use host_types::limits::Limits;
use wasmtime::{Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::config::{PagemapScan, RuntimeConfig};

/// Instances beside those of runs: `setup` of new versions.
const SPARE_INSTANCES: u32 = 64;
/// Core instances and tables of one component that the pool allows: more than any setting, so that the limit with a name is the one reached.
const ENTITIES_MAX: u32 = 20_000;
/// Metadata of one component instance; CPython's is the largest seen, below 1 MiB.
const INSTANCE_METADATA_BYTES_MAX: usize = 4 << 20;
/// Tables there are places for, a run: a plugin whose runs all have as many as they may leaves enough to the others.
const TABLES_OF_RUN: u32 = 8;
/// Bytes of a fresh instance that are cleared by writing rather than by giving pages back: the working set of a small Rust guest.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;
/// What host functions need on the fiber's stack above the guest's. No guest can reach it: host functions do not recurse over its data.
const HOST_STACK_BYTES: usize = 1 << 20;

/// The engine and its compile cache, whose counters tell a hit from a miss.
pub(crate) struct HostEngine {
    pub(crate) engine: Engine,
    pub(crate) cache: Cache,
}

/// Makes the engine.
///
/// # Errors
/// The cache folder cannot be used, or the address space cannot hold the pool.
pub(crate) fn engine(config: &RuntimeConfig) -> wasmtime::Result<HostEngine> {
    let cache = compile_cache(&config.cache_dir)?;
    let runs = config.host_runs_max.saturating_add(config.jobs_max);
    let runs = u32::try_from(runs).unwrap_or(u32::MAX).saturating_add(SPARE_INSTANCES);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(runs)
        .total_core_instances(runs.saturating_mul(u32::try_from(config.limits.instances_max).unwrap_or(u32::MAX)))
        .total_memories(runs)
        .total_tables(runs.saturating_mul(TABLES_OF_RUN))
        .total_stacks(runs)
        .max_core_instances_per_component(ENTITIES_MAX)
        .max_tables_per_component(ENTITIES_MAX)
        .max_tables_per_module(ENTITIES_MAX)
        .max_component_instance_size(INSTANCE_METADATA_BYTES_MAX)
        .max_core_instance_size(INSTANCE_METADATA_BYTES_MAX)
        .table_elements(config.limits.table_elements_max)
        .max_memory_size(pool_memory_bytes(&config.limits))
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES)
        .pagemap_scan(pagemap_scan(config.pagemap_scan));
    let mut settings = Config::new();
    settings
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .max_wasm_stack(config.stack_bytes_max)
        .async_stack_size(config.stack_bytes_max.saturating_add(HOST_STACK_BYTES))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cache(Some(cache.clone()));
    Ok(HostEngine { engine: Engine::new(&settings)?, cache })
}

/// The pool wants whole WebAssembly pages.
fn pool_memory_bytes(limits: &Limits) -> usize {
    limits.memory_bytes_max.next_multiple_of(64 << 10)
}

fn compile_cache(folder: &Path) -> wasmtime::Result<Cache> {
    let mut config = CacheConfig::new();
    // wasmtime takes no relative folder, and `.hayrick` is one.
    config.with_directory(std::path::absolute(folder)?);
    Cache::new(config)
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
