//! How much memory is free, as Linux tells it in files.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that this process may still take; `None` where the system does not say.
pub(super) fn memory() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (own, limits) = (read("/proc/self/status"), read("/proc/self/limits"));
    let available = number(&read("/proc/meminfo"), "MemAvailable:").map(|kibibytes| kibibytes << 10);
    let within = |limit: &str, used: &str| {
        let used = number(&own, used).unwrap_or(0) << 10;
        number(&limits, limit).map(|limit| limit.saturating_sub(used))
    };
    let group = group(&read("/proc/self/cgroup"), &|path| fs::read_to_string(path).ok());
    [available, within("Max address space", "VmSize:"), within("Max data size", "VmData:"), group]
        .into_iter()
        .flatten()
        .min()
}

/// The number behind this word in a file of lines.
fn number(text: &str, word: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(word))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes that the control groups of this process leave: `groups` is what `/proc/self/cgroup` says.
fn group(groups: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let left = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        if controllers.is_empty() {
            return nested("/sys/fs/cgroup", path, ["memory.max", "memory.current", "inactive_file"], read);
        }
        let files = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"];
        let memory = controllers.split(',').any(|controller| controller == "memory");
        memory.then(|| nested("/sys/fs/cgroup/memory", path, files, read)).flatten()
    });
    left.min()
}

/// The least that this group and those around it leave: limit, less use, but for files that the system can drop.
fn nested(
    root: &str,
    path: &str,
    [limit, usage, cached]: [&str; 3],
    read: &dyn Fn(&Path) -> Option<String>,
) -> Option<u64> {
    let own = PathBuf::from(root).join(path.trim_start_matches('/'));
    let left = own.ancestors().take_while(|folder| folder.starts_with(root)).filter_map(|folder| {
        let file = |name: &str| read(&folder.join(name));
        // `max` is no number: no limit.
        let limit: u64 = file(limit)?.trim().parse().ok()?;
        let usage: u64 = file(usage)?.trim().parse().ok()?;
        let cached = file("memory.stat").and_then(|stat| number(&stat, &format!("{cached} "))).unwrap_or(0);
        Some(limit.saturating_sub(usage.saturating_sub(cached)))
    });
    left.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_words() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max data size             unlimited            unlimited            bytes     \n\
                      Max address space         4194304000           4194304000           bytes     \n";
        assert_eq!(number(limits, "Max address space"), Some(4_194_304_000));
        assert_eq!(number(limits, "Max data size"), None);
        assert_eq!(number("MemTotal: 5 kB\nMemAvailable:   24000 kB\n", "MemAvailable:"), Some(24_000));
    }

    #[test]
    fn the_narrowest_group_counts() {
        let files = |path: &Path| {
            let text = match path.to_str()? {
                "/sys/fs/cgroup/a/b/memory.max" => "max",
                "/sys/fs/cgroup/a/memory.max" => "1000\n",
                "/sys/fs/cgroup/a/memory.current" => "700\n",
                "/sys/fs/cgroup/a/memory.stat" => "anon 500\ninactive_file 200\n",
                "/sys/fs/cgroup/memory/c/memory.limit_in_bytes" => "800",
                "/sys/fs/cgroup/memory/c/memory.usage_in_bytes" => "900",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(group("0::/a/b\n", &files), Some(500));
        assert_eq!(group("4:cpu,memory:/c\n1:name=systemd:/c\n", &files), Some(0));
        assert_eq!(group("0::/elsewhere\n", &files), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_says_how_much_is_free() {
        assert!(memory().is_some_and(|bytes| bytes > 0));
    }
}
