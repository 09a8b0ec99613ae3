//! The time that threads of this process have run, by what they are for.

use std::io;
use std::ops::Sub;

use crate::clients;

/// Nanoseconds of processor time.
#[derive(Clone, Copy, Default)]
pub struct Cpu {
    /// The engine's thread: scheduling, sampling, sending events.
    pub engine: u64,
    /// The server's threads: HTTP, JSON, text; the kernel's work on their sockets included.
    pub http: u64,
    /// The clients', which are no part of a server.
    pub clients: u64,
}

impl Cpu {
    /// What all threads that live have run so far. Linux only.
    pub fn read() -> io::Result<Self> {
        let mut cpu = Self::default();
        for task in std::fs::read_dir("/proc/self/task")? {
            let task = task?.path();
            let read = |file| std::fs::read_to_string(task.join(file));
            // A thread that has just ended has no files any more.
            let (Ok(name), Ok(times)) = (read("comm"), read("schedstat")) else { continue };
            // Nanoseconds on a processor, nanoseconds that it waited for one, turns.
            let ran = times.split(' ').next().and_then(|ran| ran.parse::<u64>().ok());
            let ran = ran.ok_or_else(|| io::Error::other("a schedstat without numbers"))?;
            match name.trim_end() {
                "engine" => cpu.engine += ran,
                "http" => cpu.http += ran,
                clients::THREAD => cpu.clients += ran,
                _ => {}
            }
        }
        Ok(cpu)
    }
}

impl Sub for Cpu {
    type Output = Self;

    /// A thread that has ended meanwhile leaves nothing, which is not less.
    fn sub(self, before: Self) -> Self {
        Self {
            engine: self.engine.saturating_sub(before.engine),
            http: self.http.saturating_sub(before.http),
            clients: self.clients.saturating_sub(before.clients),
        }
    }
}
