//! The `[limits]` section: what one plugin may use, within what the sandbox can hold.

use std::ops::RangeInclusive;
use std::time::Duration;

use hayrick_types::limits::Limits;

use crate::section::Section;

/// The longest time any key takes; beyond it a limit no longer limits.
const DAY: Duration = Duration::from_secs(86_400);
/// From the smallest time the timers keep apart.
pub const TIMES: RangeInclusive<Duration> = Duration::from_millis(1)..=DAY;

/// One page of linear memory up to all that 32 bits address.
const MEMORY: RangeInclusive<u64> = 64 << 10..=4 << 30;
const ANSWER: RangeInclusive<u64> = 1..=4 << 30;
const RUNS: RangeInclusive<u64> = 1..=16_384;
/// A queue of no places refuses at once, which is a fair wish.
const QUEUE: RangeInclusive<u64> = 0..=65_536;

/// Reads the section; what is absent is as in `default`.
pub fn read_limits(section: &mut Section, default: &Limits) -> Limits {
    Limits {
        memory_bytes_max: section.size("memory_bytes_max", default.memory_bytes_max, MEMORY),
        cpu_time_max: section.duration("cpu_time_max", default.cpu_time_max, TIMES),
        wall_time_max: section.duration("wall_time_max", default.wall_time_max, TIMES),
        output_bytes_max: section.size("output_bytes_max", default.output_bytes_max, ANSWER),
        chunk_bytes_max: section.size("chunk_bytes_max", default.chunk_bytes_max, ANSWER),
        plugin_runs_max: section.count("plugin_runs_max", default.plugin_runs_max, RUNS),
        plugin_queue_max: section.count("plugin_queue_max", default.plugin_queue_max, QUEUE),
        queue_time_max: section.duration("queue_time_max", default.queue_time_max, TIMES),
        setup_time_max: section.duration("setup_time_max", default.setup_time_max, TIMES),
        log_lines_max: section.count("log_lines_max", default.log_lines_max, 0..=1_000_000),
        log_line_bytes_max: section.size(
            "log_line_bytes_max",
            default.log_line_bytes_max,
            1..=1 << 20,
        ),
        component_bytes_max: section.size(
            "component_bytes_max",
            default.component_bytes_max,
            1..=2 << 30,
        ),
        plugin_memory_bytes_max: section.size(
            "plugin_memory_bytes_max",
            default.plugin_memory_bytes_max,
            64 << 10..=1 << 44,
        ),
        channel_items_max: section.count(
            "channel_items_max",
            default.channel_items_max,
            1..=65_536,
        ),
        host_call_bytes_max: section.size(
            "host_call_bytes_max",
            default.host_call_bytes_max,
            64 << 10..=1 << 30,
        ),
        host_calls_max: section.count("host_calls_max", default.host_calls_max, 1..=65_536),
        host_bytes_max: section.size("host_bytes_max", default.host_bytes_max, 64 << 10..=4 << 30),
        handles_max: section.count("handles_max", default.handles_max, 16..=100_000),
        resources_max: section.count("resources_max", default.resources_max, 1..=100_000),
        instances_max: section.count("instances_max", default.instances_max, 1..=10_000),
        memories_max: section.count("memories_max", default.memories_max, 1..=100),
        tables_max: section.count("tables_max", default.tables_max, 1..=1000),
        table_elements_max: section.count(
            "table_elements_max",
            default.table_elements_max,
            1..=1_000_000,
        ),
        log_lines_per_second_max: section.count(
            "log_lines_per_second_max",
            default.log_lines_per_second_max,
            1..=1_000_000,
        ),
    }
}
