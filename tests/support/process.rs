//! Process information from the kernel: memory, CPU time and open files.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Peak memory in bytes since the start of the process or the last [`forget_peak`].
pub fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("the kernel reports the peak");
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}

/// Resets the peak to the current memory of the process.
pub fn forget_peak(pid: u32) {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

/// CPU time since the start of the process, all threads together.
pub fn computed(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The program name may contain spaces; it ends at the last parenthesis.
    let numbers = stat
        .rsplit_once(") ")
        .unwrap()
        .1
        .split(' ')
        .skip(11)
        .take(2);
    // Ticks of user and system time; Linux counts a hundred per second.
    Duration::from_millis(
        10 * numbers
            .map(|ticks| ticks.parse::<u64>().unwrap())
            .sum::<u64>(),
    )
}

/// Files below `folder` that it has open, including unnamed ones.
pub fn open_files(pid: u32, folder: &Path) -> Vec<PathBuf> {
    let handles = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    // Files that are closed in the meantime are skipped.
    let files = handles.filter_map(|handle| std::fs::read_link(handle.ok()?.path()).ok());
    files.filter(|file| file.starts_with(folder)).collect()
}

/// Its child processes that are still running.
pub fn children(pid: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter(|process| {
            state(*process).is_some_and(|(state, parent)| parent == pid && state != "Z")
        })
        .collect()
}

/// Whether a process is running; a zombie is not.
pub fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| state != "Z")
}

/// The kernel's code for the state of a process, and its parent.
fn state(pid: u32) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
