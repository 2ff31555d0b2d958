//! A terminal, with the program running in it, and what it shows.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use rustix::process::{Signal, kill_process};
use rustix::termios::{Action, Winsize, tcflow, tcsetwinsize};

use crate::harness::{fifo, found, open_writer, pid, tree};

/// After this long, what has not come to be seen never will.
const NEVER: Duration = Duration::from_secs(60);

/// A program in a terminal.
pub(crate) struct Terminal {
    keyboard: File,
    child: Child,
    shown: Arc<Shown>,
}

/// What the terminal shows, kept by the thread that reads what the program writes.
struct Shown {
    screen: Mutex<Screen>,
    changed: Condvar,
}

struct Screen {
    parser: vt100::Parser,
    /// All that was written.
    bytes: Vec<u8>,
    /// Whether everybody who could write has gone.
    ended: bool,
}

/// What is redirected to /dev/null, of standard output and standard error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Away {
    Nothing,
    Output,
}

impl Terminal {
    /// Starts the program in `dir`, in a terminal with so many columns. `None`, with a message, if there is no way to.
    pub(crate) fn start(dir: &Path, columns: u16, away: Away, arguments: &[&str]) -> Option<Terminal> {
        // The terminal has to be that of its session, for keys to become signals.
        let mut command = found("setsid")?;
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_md5all")).args(arguments);
        Some(Terminal::run(command.current_dir(dir).env("TERM", "xterm").env("NO_COLOR", "1"), columns, away))
    }

    /// Starts a command.
    pub(crate) fn run(command: &mut Command, columns: u16, away: Away) -> Terminal {
        let pty = openpty(None, None).expect("a pseudo-terminal");
        set_size(&pty.slave, columns);
        let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().expect("a descriptor"));
        command.stdin(end(&pty.slave)).stderr(end(&pty.slave));
        command.stdout(if away == Away::Output { Stdio::null() } else { end(&pty.slave) });
        let child = command.spawn().expect("it starts");
        // What the command holds of it is its own end.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(pty.slave);
        let shown = Arc::new(Shown {
            screen: Mutex::new(Screen {
                parser: vt100::Parser::new(ROWS, at_least_one(columns), 0),
                bytes: Vec::new(),
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let keyboard = File::from(pty.master);
        let mut written = keyboard.try_clone().expect("a descriptor");
        let reader = Arc::clone(&shown);
        thread::spawn(move || reader.take(&mut written));
        Terminal { keyboard, child, shown }
    }

    /// Waits until the screen shows what is wanted, and gives it.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + NEVER;
        let mut screen = self.shown.screen.lock().unwrap();
        loop {
            let text = screen.parser.screen().contents();
            if what(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!screen.ended && !left.is_zero(), "it does not come to be seen, but:\n{text}");
            screen = self.shown.changed.wait_timeout(screen, left).unwrap().0;
        }
    }

    /// Waits for the end, and gives what the screen shows then, and how it ended.
    #[track_caller]
    pub(crate) fn end(mut self) -> (String, ExitStatus) {
        let deadline = Instant::now() + NEVER;
        let mut screen = self.shown.screen.lock().unwrap();
        while !screen.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.child.kill().ok();
                panic!("it does not end:\n{}", screen.parser.screen().contents());
            }
            screen = self.shown.changed.wait_timeout(screen, left).unwrap().0;
        }
        assert!(!screen.parser.screen().hide_cursor(), "the cursor is hidden");
        (screen.parser.screen().contents(), self.child.wait().expect("it has ended"))
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).expect("somebody reads the keyboard");
    }

    /// Has it take no more of what is written, as Ctrl-S does.
    pub(crate) fn stop(&self) {
        let end = File::options().read(true).write(true).open(format!("/proc/{}/fd/2", self.child.id()));
        tcflow(end.expect("a terminal"), Action::OOff).expect("it can be stopped");
    }

    /// Asks the program to end.
    pub(crate) fn terminate(&self) {
        kill_process(pid(&self.child), Signal::TERM).expect("it runs");
    }

    /// Changes the number of columns.
    pub(crate) fn resize(&self, columns: u16) {
        let mut screen = self.shown.screen.lock().unwrap();
        set_size(&self.keyboard, columns);
        screen.parser.screen_mut().set_size(ROWS, at_least_one(columns));
    }

    /// All that was written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.shown.screen.lock().unwrap().bytes.clone()
    }
}

const ROWS: NonZeroU16 = NonZeroU16::new(24).expect("there are some");

fn at_least_one(columns: u16) -> NonZeroU16 {
    NonZeroU16::new(columns).expect("there is one")
}

fn set_size(terminal: impl AsFd, columns: u16) {
    let size = Winsize { ws_row: ROWS.get(), ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("it has a size");
}

impl Shown {
    /// Shows all that is written; reading fails once nobody can write any more.
    fn take(&self, written: &mut File) {
        let mut buffer = [0; 4096];
        loop {
            let count = written.read(&mut buffer).unwrap_or(0);
            let mut screen = self.screen.lock().unwrap();
            screen.parser.process(&buffer[..count]);
            screen.bytes.extend_from_slice(&buffer[..count]);
            screen.ended = count == 0;
            self.changed.notify_all();
            if screen.ended {
                return;
            }
        }
    }
}

/// Returns when a run that began just now has drawn its line: one that began before would have drawn its own.
pub(crate) fn until_another_is_drawn() {
    let dir = tree(&[]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let Some(terminal) = Terminal::start(dir.path(), 80, Away::Output, &["fifo"]) else { return };
    let writer = open_writer(&path);
    terminal.wait_for(|screen| screen.contains(": fifo"));
    drop(writer);
    terminal.end();
}

/// The lines that are not empty.
pub(crate) fn lines(screen: &str) -> Vec<&str> {
    screen.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect()
}
