//! Memory of the server's process, as Linux tells it.

/// Bytes it has in memory now.
pub fn resident(pid: u32) -> Option<u64> {
    field(pid, "VmRSS:")
}

/// The most it has had since `forget`.
pub fn peak(pid: u32) -> Option<u64> {
    field(pid, "VmHWM:")
}

/// Begins to look for the peak anew.
pub fn forget(pid: u32) {
    // Without the right to do so, the peak is that of the whole life, which the first case shows.
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

fn field(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
