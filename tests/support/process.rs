//! What the kernel says of a process: its memory and the files it holds.

use std::path::{Path, PathBuf};

/// The most memory it has had at a time, in bytes, since its start or the last [`forget_peak`].
pub fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells the peak");
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

/// From now on the peak is what the process has now.
pub fn forget_peak(pid: u32) {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

/// Files below `folder` that it holds open, those without a name included.
pub fn open_files(pid: u32, folder: &Path) -> Vec<PathBuf> {
    let handles = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    // One that is closed meanwhile is not open.
    let files = handles.filter_map(|handle| std::fs::read_link(handle.ok()?.path()).ok());
    files.filter(|file| file.starts_with(folder)).collect()
}
