//! Ctrl-C, and a signal after Ctrl-S.

use std::time::{Duration, Instant};

use crate::harness::*;
use crate::screen::{Away, Terminal, lines};

/// A tenth of a second is the promise; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn ctrl_c_erases_the_line_and_ends_it_even_while_a_read_hangs() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let Some(mut terminal) = Terminal::start(dir.path(), 80, Away::Nothing, &["a", "fifo"]) else { return };
    let _writer = open_writer(&path);
    terminal.wait_for(|screen| screen.contains(": fifo"));
    let pressed = Instant::now();
    terminal.press(b"\x03");
    let (screen, status) = terminal.end();
    let after = pressed.elapsed();
    assert_eq!(status.code(), Some(130));
    assert!(after < SOON, "took {after:?}");
    let told = lines(&screen);
    assert!(told.len() == 1 && told[0].ends_with("  a"), "something is left: {screen}");
}

/// Erasing what is drawn would wait for ever, and the end with it.
#[test]
fn a_signal_ends_it_even_while_the_terminal_takes_nothing() {
    let dir = tree(&[]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let Some(terminal) = Terminal::start(dir.path(), 80, Away::Output, &["fifo"]) else { return };
    let _writer = open_writer(&path);
    // From here on the line says the same, and nobody draws.
    terminal.wait_for(|screen| screen.contains("0 of 1 file"));
    terminal.stop();
    let asked = Instant::now();
    terminal.terminate();
    let (_, status) = terminal.end();
    let after = asked.elapsed();
    assert_eq!(status.code(), Some(130));
    assert!(after < SOON, "took {after:?}");
}
