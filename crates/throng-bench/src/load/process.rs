//! What a process holds, as Linux says in `/proc`.

use std::path::PathBuf;

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Bytes of memory that are resident.
    pub resident_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open files, sockets among them; `None`: it is another user's process.
    pub files: Option<u64>,
}

impl Process {
    /// Looks at a process; `None` where there is none of this number, or no `/proc`.
    pub fn look(pid: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let (resident_bytes, threads) = parse(&status)?;
        let files = std::fs::read_dir(folder.join("fd")).ok().map(|files| files.count() as u64);
        Some(Self { resident_bytes, threads, files })
    }
}

/// Resident bytes and threads, of a `status` file.
fn parse(status: &str) -> Option<(u64, u64)> {
    let number = |key: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some((number("VmRSS:")?.checked_mul(1024)?, number("Threads:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_file_has_both_numbers_or_is_none() {
        let status = "Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        assert_eq!(parse(status), Some((1234 * 1024, 7)));
        assert_eq!(parse("VmRSS: many\nThreads: 7"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_a_thread_and_files() {
        let own = Process::look(std::process::id()).unwrap();
        assert!(own.resident_bytes > 1 << 16 && own.threads >= 1 && own.files > Some(1));
        assert_eq!(Process::look(u32::MAX), None);
    }
}
