//! What the kernel says of a process: its memory, its time and the files it holds.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most memory it has had at a time, in bytes, since its start or the last [`forget_peak`].
pub fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("the kernel tells the peak");
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}

/// From now on the peak is what the process has now.
pub fn forget_peak(pid: u32) {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

/// How long it has computed since its start, all its threads together.
pub fn computed(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name of the program may have spaces, and ends with the last bracket.
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

/// Files below `folder` that it holds open, those without a name included.
pub fn open_files(pid: u32, folder: &Path) -> Vec<PathBuf> {
    let handles = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    // One that is closed meanwhile is not open.
    let files = handles.filter_map(|handle| std::fs::read_link(handle.ok()?.path()).ok());
    files.filter(|file| file.starts_with(folder)).collect()
}

/// The processes it has started and that have not ended.
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

/// Whether a process runs; one that has ended and was not waited for does not.
pub fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| state != "Z")
}

/// The state of a process as the kernel abbreviates it, and its parent.
fn state(pid: u32) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
