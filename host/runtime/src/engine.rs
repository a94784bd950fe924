//! The one wasmtime engine: pooling allocator, epochs.

use wasmtime::{Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::compile::settings::settings;
use crate::config::{PagemapScan, RuntimeConfig};

/// Instances beside those of runs: `setup` of new versions.
const SPARE_INSTANCES: u32 = 64;
/// Core instances of one component; CPython's has about forty.
const CORE_INSTANCES_MAX: u32 = 200;
/// Tables of one component; CPython's shared libraries share one, a language runtime may have a few.
const TABLES_MAX: u32 = 16;
/// Elements of one table; CPython's has some 10,000.
const TABLE_ELEMENTS_MAX: usize = 50_000;
/// Metadata of one component instance; CPython's is the largest seen, below 1 MiB.
const INSTANCE_METADATA_BYTES_MAX: usize = 4 << 20;
/// All that 32 bits address. The pool reserves that much of the address space for each memory anyway; what a run may use of it is its
/// policy's affair, and the limiter's.
const MEMORY_BYTES_MAX: usize = 4 << 30;
/// Bytes of a fresh instance that are cleared by writing rather than by giving pages back: the working set of a small Rust guest.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;
/// Stack of the guest; wasmtime's default is half of it, and CPython recurses.
const GUEST_STACK_BYTES: usize = 1 << 20;
/// Stack of the fiber the guest runs on: the guest's and what host functions need above it.
const FIBER_STACK_BYTES: usize = 2 << 20;

/// Makes the engine.
///
/// # Errors
/// The address space cannot hold the pool.
pub(crate) fn engine(config: &RuntimeConfig) -> wasmtime::Result<Engine> {
    let runs = config.host_runs_max.saturating_add(config.jobs_max);
    let runs = u32::try_from(runs).unwrap_or(u32::MAX).saturating_add(SPARE_INSTANCES);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(runs)
        .total_core_instances(runs.saturating_mul(8))
        .total_memories(runs)
        .total_tables(runs.saturating_mul(2))
        .total_stacks(runs)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .max_component_instance_size(INSTANCE_METADATA_BYTES_MAX)
        .max_core_instance_size(INSTANCE_METADATA_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memory_size(MEMORY_BYTES_MAX)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES)
        .pagemap_scan(pagemap_scan(config.pagemap_scan));
    let mut settings = settings();
    settings
        .max_wasm_stack(GUEST_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
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
