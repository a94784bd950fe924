//! Memory of the server's process, as Linux reports it.

/// Resident memory in bytes.
pub fn resident(pid: u32) -> Option<u64> {
    field(pid, "VmRSS:")
}

/// Peak resident memory in bytes since `forget`.
pub fn peak(pid: u32) -> Option<u64> {
    field(pid, "VmHWM:")
}

/// Resets the peak.
pub fn forget(pid: u32) {
    // Without permission, the peak covers the process's whole life, which the first case shows.
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

fn field(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
