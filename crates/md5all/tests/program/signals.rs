//! Being interrupted: at once, with nothing left behind.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::harness::*;

/// A tenth of a second is the promise; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(2);

fn start(dir: &TempDir, arguments: &[&str]) -> Child {
    md5all(dir.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn interrupt(child: Child, signal: Signal) {
    let sent = Instant::now();
    kill_process(pid(&child), signal).unwrap();
    let ended = join(child);
    let after = sent.elapsed();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), ""), "{signal:?}");
    assert!(after < SOON, "{signal:?}: took {after:?}");
}

/// Nothing ever comes through the FIFO, so the worker that reads it never
/// looks whether it should go on.
#[test]
fn a_read_that_hangs_does_not_hold_it_up() {
    let dir = tree(&["a", "list"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let child = start(&dir, &["-o", "list", "a", "fifo"]);
        let writer = open_writer(&path);
        interrupt(child, signal);
        drop(writer);
        // And a journal, if it had anything to say.
        fs::remove_file(dir.path().join("list.journal")).ok();
        assert_eq!(names_in(dir.path()), ["a", "fifo", "list"]);
        assert_eq!(fs::read(dir.path().join("list")).unwrap(), b"list");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_takes_hours_does_not_hold_it_up() {
    let dir = tree(&["list"]);
    let huge = dir.path().join("huge");
    endless(&huge);
    let child = start(&dir, &["-o", "list", "huge"]);
    crate::odd::wait_until_read(&child, &huge);
    interrupt(child, Signal::INT);
    fs::remove_file(dir.path().join("list.journal")).ok();
    assert_eq!(names_in(dir.path()), ["huge", "list"]);
}

/// As under `nohup`: the reading goes on, and ends well.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" a fifo", env!("CARGO_BIN_EXE_md5all")]).current_dir(dir.path());
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let writer = open_writer(&path); // it is reading, so its handlers are in place
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    assert_eq!(u64::from_str_radix(caught.trim(), 16).unwrap() & 0b11, 0b10, "INT is caught, HUP is not");
    kill_process(pid(&child), Signal::HUP).unwrap();
    drop(writer);
    assert_eq!(join(child).clean().lines().count(), 2);
}
