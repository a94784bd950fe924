//! How much memory this process may use: that of the machine, or less if a control group limits it.

use std::fs::read_to_string;

/// Files of Linux; the second is that of the control group, as seen from inside a container.
const MEMINFO: &str = "/proc/meminfo";
const CGROUP: &str = "/sys/fs/cgroup/memory.max";
/// Assumed if neither file can be read: the memory of a small server.
const UNKNOWN_BYTES: u64 = 4 << 30;

/// The memory that this process may use, in bytes.
pub fn memory_bytes() -> u64 {
    let machine = read_to_string(MEMINFO)
        .ok()
        .and_then(|text| of_meminfo(&text))
        .unwrap_or(UNKNOWN_BYTES);
    // "max" means that there is no limit.
    let group = read_to_string(CGROUP)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    group.unwrap_or(machine).min(machine)
}

fn of_meminfo(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_the_machine_is_read() {
        assert_eq!(
            of_meminfo("MemTotal:       16319476 kB\nMemFree: 1 kB\n"),
            Some(16_319_476 << 10)
        );
        assert_eq!(of_meminfo("nothing"), None);
        assert!(memory_bytes() > 64 << 20);
    }
}
