//! How much memory this process may use: that of the machine, or less if a control group limits it.

use std::fs::read_to_string;
use std::path::Path;

const MEMINFO: &str = "proc/meminfo";
/// The groups of this process, one line for each hierarchy.
const GROUPS: &str = "proc/self/cgroup";
/// Where the hierarchies are, and the file of a limit: version 2, then version 1.
const UNIFIED: (&str, &str) = ("sys/fs/cgroup", "memory.max");
const MEMORY: (&str, &str) = ("sys/fs/cgroup/memory", "memory.limit_in_bytes");
/// Assumed if the memory of the machine cannot be read: that of a small server.
const UNKNOWN_BYTES: u64 = 4 << 30;

/// The memory that this process may use, in bytes.
pub fn memory_bytes() -> u64 {
    memory_under(Path::new("/"))
}

fn memory_under(root: &Path) -> u64 {
    let machine = read_to_string(root.join(MEMINFO))
        .ok()
        .and_then(|text| of_meminfo(&text))
        .unwrap_or(UNKNOWN_BYTES);
    let groups = read_to_string(root.join(GROUPS)).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| {
        let (hierarchy, group) = line.split_once(':')?.1.split_once(':')?;
        let (folder, file) = match hierarchy {
            "" => UNIFIED,
            controllers if controllers.split(',').any(|it| it == "memory") => MEMORY,
            _ => return None,
        };
        least_limit(&root.join(folder), group, file)
    });
    // Inside a container the group of its root may be named differently than it is mounted.
    let of_root = least_limit(&root.join(UNIFIED.0), "/", UNIFIED.1);
    limits.chain(of_root).min().unwrap_or(machine).min(machine)
}

/// The least limit of a group and of those it is in.
fn least_limit(mount: &Path, group: &str, file: &str) -> Option<u64> {
    let folder = mount.join(group.trim_start_matches('/'));
    let groups = folder.ancestors().take_while(|at| at.starts_with(mount));
    // A group without a limit has the word "max", which does not parse.
    let limits = groups.filter_map(|at| read_to_string(at.join(file)).ok()?.trim().parse().ok());
    limits.min()
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

    #[test]
    fn the_least_limit_of_the_groups_of_this_process_holds() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let memory = || memory_under(root.path()) >> 20;
        write("proc/meminfo", "MemTotal: 8388608 kB\n");
        assert_eq!(memory(), 8192);
        write("proc/self/cgroup", "0::/system.slice/hayrick.service\n");
        write(
            "sys/fs/cgroup/system.slice/hayrick.service/memory.max",
            "max\n",
        );
        assert_eq!(memory(), 8192);
        write("sys/fs/cgroup/system.slice/memory.max", "2147483648\n");
        assert_eq!(memory(), 2048);
        write(
            "sys/fs/cgroup/system.slice/hayrick.service/memory.max",
            "1073741824\n",
        );
        assert_eq!(memory(), 1024);
        write("sys/fs/cgroup/memory.max", "536870912\n");
        assert_eq!(memory(), 512);
        write("proc/self/cgroup", "5:cpu,memory:/docker/x\n0::/\n");
        write(
            "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes",
            "268435456\n",
        );
        assert_eq!(memory(), 256);
        write(
            "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        assert_eq!(memory(), 512);
    }
}
