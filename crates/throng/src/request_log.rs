//! Lines about requests on standard error, written by a thread of their own: where nobody reads
//! them, lines are lost and no request waits.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Lines that wait to be written at most.
const WAITING: usize = 4096;
/// How long the last lines may take when the server ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Takes lines to the thread that writes them.
#[derive(Clone)]
pub struct LogWriter {
    messages: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

enum Message {
    Line(String),
    /// Tells that all before it was written.
    Flush(SyncSender<()>),
}

impl LogWriter {
    /// A writer to standard error.
    ///
    /// # Errors
    /// There is no thread.
    pub fn start() -> Result<Self> {
        Self::to(std::io::stderr())
    }

    fn to(out: impl Write + Send + 'static) -> Result<Self> {
        let (messages, received) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Self { messages, lost: lost.clone() };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(out, &received, &lost))
            .context("cannot start a thread")?;
        Ok(writer)
    }

    /// Hands a line over, and never waits: one that finds no room is counted and lost.
    pub fn line(&self, line: String) {
        if self.messages.try_send(Message::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was handed over is written, but not for long.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.messages.try_send(Message::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FAREWELL);
        }
    }
}

fn write(mut out: impl Write, messages: &Receiver<Message>, lost: &AtomicU64) {
    while let Ok(message) = messages.recv() {
        let lost = lost.swap(0, Ordering::Relaxed);
        // A server goes on where nobody reads what it says.
        if lost > 0 {
            let _ = out.write_all(format!("note: {lost} lines were lost\n").as_bytes());
        }
        match message {
            Message::Line(line) => {
                let _ = out.write_all((line + "\n").as_bytes());
            }
            Message::Flush(done) => {
                let _ = done.try_send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Result, Write};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::{LogWriter, WAITING};

    /// Writes only while somebody reads.
    struct Pipe(SyncSender<String>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.0.send(text).map_err(std::io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn pipe() -> (LogWriter, Receiver<String>) {
        let (sender, read) = sync_channel(0);
        (LogWriter::to(Pipe(sender)).unwrap(), read)
    }

    #[test]
    fn whoever_writes_never_waits_and_what_is_lost_is_counted() {
        let (log, read) = pipe();
        for number in 0..WAITING + 100 {
            log.line(number.to_string());
        }
        let (mut lines, mut lost) = (0, 0);
        while lines + lost < WAITING + 100 {
            let text = read.recv().unwrap();
            match text.strip_prefix("note: ") {
                Some(note) => lost += note.split(' ').next().unwrap().parse::<usize>().unwrap(),
                None => {
                    assert_eq!(text, format!("{lines}\n"));
                    lines += 1;
                }
            }
        }
        // One line may be in the writer's hands while the others wait.
        assert!((WAITING..=WAITING + 1).contains(&lines), "{lines}");
    }

    #[test]
    fn a_flush_waits_for_what_came_before() {
        let (log, read) = pipe();
        log.line("last".to_owned());
        let reader = std::thread::spawn(move || read.recv().unwrap());
        log.flush();
        assert_eq!(reader.join().unwrap(), "last\n");
    }
}
