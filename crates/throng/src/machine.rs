//! What the machine has: memory that is free, a cache that a measurement must exceed, and how fast
//! it reads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use throng_ops::CpuError;

/// How long memory bandwidth is measured.
const MEASURING: Duration = Duration::from_millis(500);

/// Bytes that are read over and over for it, at least: more than the caches of most machines.
const MEASURED_BYTES: usize = 512 << 20;

/// A machine, by the files that Linux tells of it in.
pub struct Machine {
    /// `/`, or where a copy of those files is.
    root: PathBuf,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        Self { root: PathBuf::from("/") }
    }

    /// Bytes of memory that a program may still take: what the system could give without swapping,
    /// or what is left of the least limit of the control groups that this process is in. Pages of
    /// files count as free, since they can be dropped. `None` where the system does not say, as
    /// others than Linux do not.
    pub fn free_memory(&self) -> Option<usize> {
        let available = self.field("proc/meminfo", "MemAvailable:")?.checked_mul(1024)?;
        Some(self.group_limits().fold(available, usize::min))
    }

    /// Bytes of the largest cache.
    pub fn cache(&self) -> Option<usize> {
        let cache = |index: usize| {
            let size = format!("sys/devices/system/cpu/cpu0/cache/index{index}/size");
            let size = std::fs::read_to_string(self.root.join(size)).ok()?;
            size.trim().strip_suffix('K')?.parse::<usize>().ok()?.checked_mul(1024)
        };
        (0..8).filter_map(cache).max()
    }

    /// Bytes a second that so many threads read from memory, measured for half a second; `None` if
    /// there is no memory to measure it with.
    ///
    /// # Errors
    /// The machine does not give that many threads.
    pub fn bandwidth(&self, threads: usize) -> Result<Option<f64>, CpuError> {
        let beyond_caches = self.cache().unwrap_or(0).saturating_mul(2).max(MEASURED_BYTES);
        let size = self.free_memory().map_or(beyond_caches, |free| beyond_caches.min(free / 4));
        throng_ops::read_bandwidth(threads, size, MEASURING)
    }

    /// What is left in every control group with a limit, from this process's own up to the root.
    fn group_limits(&self) -> impl Iterator<Item = usize> {
        let groups = self.read("proc/self/cgroup").unwrap_or_default();
        let mut limits = Vec::new();
        for line in groups.lines() {
            // `hierarchy:controllers:path`; version 2 has hierarchy 0 and names no controllers.
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            let version = if controllers.is_empty() {
                &VERSION_2
            } else if controllers.split(',').any(|controller| controller == "memory") {
                &VERSION_1
            } else {
                continue;
            };
            let path = Path::new(path.trim_start_matches('/'));
            let groups = path.ancestors().map(|group| Path::new(version.mount).join(group));
            limits.extend(groups.filter_map(|group| self.left(&group, version)));
        }
        limits.into_iter()
    }

    /// Limit less use; `None` for a group without a limit.
    fn left(&self, group: &Path, version: &Version) -> Option<usize> {
        let number = |file| self.read(group.join(file))?.trim().parse::<usize>().ok();
        let (limit, used) = (number(version.limit)?, number(version.used)?);
        let stat = group.join("memory.stat");
        let files = version.files.iter().filter_map(|key| self.field(&stat, key));
        Some(limit.saturating_sub(used.saturating_sub(files.sum())))
    }

    /// The number that follows a key at the beginning of a line.
    fn field(&self, file: impl AsRef<Path>, key: &str) -> Option<usize> {
        let text = self.read(file)?;
        let mut lines = text.lines().map(str::split_whitespace);
        lines.find_map(|mut words| (words.next()? == key).then(|| words.next()?.parse().ok())?)
    }

    fn read(&self, file: impl AsRef<Path>) -> Option<String> {
        std::fs::read_to_string(self.root.join(file)).ok()
    }
}

/// Where a version of control groups has its numbers.
struct Version {
    mount: &'static str,
    limit: &'static str,
    used: &'static str,
    /// Pages of files that the use counts in.
    files: [&'static str; 2],
}

const VERSION_1: Version = Version {
    mount: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    files: ["total_inactive_file", "total_active_file"],
};

const VERSION_2: Version = Version {
    mount: "sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    files: ["inactive_file", "active_file"],
};

#[cfg(test)]
mod tests {
    use super::Machine;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let root = folder.path().to_owned();
        (folder, Machine { root })
    }

    const MEMINFO: (&str, &str) =
        ("proc/meminfo", "MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:  8000 kB\n");

    #[test]
    fn without_limits_it_is_what_the_system_says() {
        let (_folder, free) = machine(&[MEMINFO, ("proc/self/cgroup", "0::/\n")]);
        assert_eq!(free.free_memory(), Some(8_192_000));
        let (_folder, unknown) = machine(&[]);
        assert_eq!(unknown.free_memory(), None);
    }

    #[test]
    fn the_least_limit_on_the_way_up_counts() {
        let (_folder, version_2) = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/b/memory.current", "7\n"),
            ("sys/fs/cgroup/a/memory.max", "1000000\n"),
            ("sys/fs/cgroup/a/memory.current", "600000\n"),
            ("sys/fs/cgroup/a/memory.stat", "anon 1\nactive_file 50000\ninactive_file 150000\n"),
        ]);
        assert_eq!(version_2.free_memory(), Some(600_000));
        let (_folder, version_1) = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "3:cpu,cpuacct:/\n2:memory:/job\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n"),
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "5000\n"),
            ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "6000\n"),
            ("sys/fs/cgroup/memory/job/memory.stat", "inactive_file 9\ntotal_inactive_file 2500\n"),
        ]);
        assert_eq!(version_1.free_memory(), Some(1500));
    }

    #[test]
    fn the_largest_cache() {
        let cache = |index, size| (format!("sys/devices/system/cpu/cpu0/cache/{index}/size"), size);
        let files = [cache("index0", "48K\n"), cache("index3", "307200K\n"), cache("index2", "x")];
        let files = files.each_ref().map(|(name, size)| (name.as_str(), *size));
        let (_folder, machine) = machine(&files);
        assert_eq!(machine.cache(), Some(307_200 << 10));
    }
}
