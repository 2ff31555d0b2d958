//! Standard error, and the terminal that it may share with standard output: the one place from which either is written to
//! while something is drawn.
//!
//! What is drawn is one line, the last. It is overwritten, never wiped and written anew, and whatever is said or listed
//! is written together with the line below it, in one call: so nothing flickers, and no line is ever mixed with another.
//! What the line says is not known here.
//!
//! 1. Nothing is drawn while a line of standard output is unfinished on the same terminal.
//! 2. Nothing is drawn by a process in the background: the terminal is somebody else's then.
//! 3. Once [closed](close), nothing is drawn, and nobody waits for the lock: its owner may be stuck in a write.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};

/// What is on the terminal's last line.
struct Screen {
    /// What is drawn there; nothing, if nothing is.
    line: String,
    /// Whether standard output has begun a line there.
    is_taken: bool,
}

static SCREEN: Mutex<Screen> = Mutex::new(Screen { line: String::new(), is_taken: false });

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Erases the line that the cursor is in, and goes to where it begins.
const ERASE: &str = "\r\x1b[K";

/// Erases what is behind the cursor.
const ERASE_REST: &str = "\x1b[K";

/// What a terminal is taken to have that does not tell.
const USUAL_WIDTH: usize = 80;

/// Whether standard error is a terminal on which a line can be drawn again and again.
pub(crate) fn can_draw() -> bool {
    is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether somebody looks at standard error.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether what is written there appears on the terminal that standard error is.
pub(crate) fn shows(file: BorrowedFd<'_>) -> bool {
    let device = |fd| rustix::fs::fstat(fd).map(|stat| stat.st_rdev);
    is_terminal() && file.is_terminal() && device(file).ok() == device(io::stderr().as_fd()).ok()
}

/// Draws a line, or draws it anew, given how many columns there are.
pub(crate) fn draw(line: impl FnOnce(usize) -> String) {
    let mut screen = lock();
    if screen.is_taken || CLOSED.load(SeqCst) || is_in_background() {
        return;
    }
    let line = line(width());
    if line != screen.line {
        write(format!("\r{line}{ERASE_REST}").as_bytes());
        screen.line = line;
    }
}

/// Erases what is drawn.
pub(crate) fn clear() {
    lock().clear();
}

/// Writes whole lines to standard error.
///
/// If even that cannot be done there is nobody left to tell but the shell, which will see the exit status.
pub(crate) fn say(lines: &[u8]) {
    if CLOSED.load(SeqCst) {
        return write(lines);
    }
    let screen = lock();
    if screen.line.is_empty() { write(lines) } else { write(&screen.above(lines)) }
}

/// Writes to standard output that is [shown](shows) here. In pieces, if need be, as [`Write::write`] does.
///
/// # Errors
///
/// What the system says.
pub(crate) fn list(mut out: &File, bytes: &[u8]) -> io::Result<usize> {
    let Some(last) = bytes.last().filter(|_| !CLOSED.load(SeqCst)) else { return out.write(bytes) };
    let mut screen = lock();
    screen.is_taken = *last != b'\n';
    if screen.line.is_empty() {
        return out.write(bytes);
    }
    if screen.is_taken {
        screen.line.clear();
    }
    out.write_all(&screen.above(bytes))?;
    Ok(bytes.len())
}

/// The program is about to end, at a signal: erases what is drawn, and nothing is drawn from now on. Does not block; to be
/// called again a little later, for somebody may just be drawing.
pub(crate) fn close() {
    CLOSED.store(true, SeqCst);
    if let Ok(mut screen) = SCREEN.try_lock()
        && takes_more()
    {
        screen.clear();
    }
}

/// Whether standard error can be written to at once: nobody may read it, or the terminal was told to stop.
fn takes_more() -> bool {
    let stderr = io::stderr();
    let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
    poll(&mut ready, Some(&Timespec::default())).is_ok_and(|count| count > 0)
}

impl Screen {
    /// These bytes, and below them what is drawn.
    fn above(&self, bytes: &[u8]) -> Vec<u8> {
        [ERASE.as_bytes(), bytes, self.line.as_bytes()].concat()
    }

    fn clear(&mut self) {
        if !std::mem::take(&mut self.line).is_empty() {
            write(ERASE.as_bytes());
        }
    }
}

/// In one call, since standard error has no buffer.
fn write(bytes: &[u8]) {
    let _ = io::stderr().write_all(bytes);
}

/// How many columns may be drawn in: one less than there are, for the cursor. Asked each time, so that no signal need tell
/// of a change.
fn width() -> usize {
    let columns = tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    let columns = if columns == 0 { USUAL_WIDTH } else { columns };
    columns - 1
}

fn is_in_background() -> bool {
    tcgetpgrp(io::stderr()).is_ok_and(|foreground| foreground != getpgrp())
}

/// What is drawn is known whoever panicked meanwhile.
fn lock() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}
