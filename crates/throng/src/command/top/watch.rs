//! The terminal: draws when there is something new, and ends when somebody has seen enough.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Frame};
use throng_bench::live::{Sight, Watcher};
use throng_bench::load::Failure;

use super::scene::Scene;
use super::style::Style;
use super::{INTERVAL, screen, unix_time};
use crate::stop::Stop;

/// How long a look may lie unseen.
const TICK: Duration = Duration::from_millis(50);
/// Looks that wait to be shown, at most: a terminal that stands still gets no more.
const UNSEEN: usize = 2;

/// A look, and when it was.
type Look = (Duration, Result<Sight, Failure>);

/// What is to be done next.
enum Next {
    Draw,
    Wait,
    End,
}

/// Shows the server until `q`, Ctrl-C or another signal to end.
///
/// # Errors
/// The terminal is gone.
pub fn run(watcher: Watcher, mut scene: Scene, style: Style) -> Result<()> {
    let stop = Stop::install()?;
    // The terminal is given back however the program is told to end.
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, stop.flag()).context("signals cannot be taken over")?;
    }
    let looks = look_on(watcher);
    let mut terminal = Restored::open().context("the terminal cannot be drawn on")?;
    let mut next = Next::Draw;
    while !stop.is_set() {
        match next {
            Next::End => break,
            Next::Wait => {}
            Next::Draw => {
                terminal.0.draw(|frame| draw(frame, &scene, unix_time(), &style))?;
            }
        }
        next = wait(&looks, &mut scene)?;
    }
    Ok(())
}

/// Fills the screen; its last line says how to leave, if there is room.
pub(super) fn draw(frame: &mut Frame<'_>, scene: &Scene, now: u64, style: &Style) {
    const FOOTED: u16 = 8;
    let area = frame.area();
    let height = if area.height < FOOTED { area.height } else { area.height - 1 };
    let size = (usize::from(area.width), usize::from(height));
    let lines = screen::lines(scene, now, size, style);
    let buffer = frame.buffer_mut();
    for (y, line) in (area.y..).zip(&lines) {
        buffer.set_line(area.x, y, line, area.width);
        if line.width() > size.0 && area.width > 0 {
            buffer.set_span(area.right() - 1, y, &style.dim("…"), 1);
        }
    }
    if height < area.height {
        buffer.set_span(area.x, area.y + height, &style.dim("q quits"), area.width);
    }
}

/// Looks again and again, on a thread of its own: a server that keeps us waiting must not keep
/// whoever wants to leave.
fn look_on(mut watcher: Watcher) -> Receiver<Look> {
    let (sender, looks) = sync_channel(UNSEEN);
    std::thread::spawn(move || {
        let begun = Instant::now();
        loop {
            let look = watcher.look();
            // Nobody may be left to see.
            if sender.send((begun.elapsed(), look)).is_err() {
                return;
            }
            sleep(INTERVAL);
        }
    });
    looks
}

/// Waits for a key or a look, for a moment.
fn wait(looks: &Receiver<Look>, scene: &mut Scene) -> Result<Next> {
    let mut next = Next::Wait;
    if event::poll(TICK)? {
        match event::read()? {
            Event::Key(key) if leaves(&key) => return Ok(Next::End),
            Event::Resize(..) => next = Next::Draw,
            _ => {}
        }
    }
    while let Ok((at, look)) = looks.try_recv() {
        scene.take(at, look);
        next = Next::Draw;
    }
    Ok(next)
}

/// Whether whoever presses this has seen enough.
fn leaves(key: &KeyEvent) -> bool {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind != KeyEventKind::Release
        && match key.code {
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => true,
            KeyCode::Char('c' | 'd') => with_control,
            _ => false,
        }
}

/// A screen of our own; the one that was there before comes back, whatever happens: on a panic,
/// before its message is printed.
struct Restored(DefaultTerminal);

impl Restored {
    fn open() -> std::io::Result<Self> {
        let terminal = ratatui::try_init();
        if terminal.is_err() {
            // Half of it may have been done.
            let _ = ratatui::try_restore();
        }
        terminal.map(Self)
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = ratatui::try_restore();
    }
}
