//! The line that is drawn: when, what it says, and that nothing is left of it.

use std::fs;
use std::io::Write;

use crate::harness::*;
use crate::screen::{Away, Terminal, lines, until_another_is_drawn};

/// As of `a`, which has one byte.
const A: &str = "0cc175b9c0f1b6a831c399e269772661  a";

fn is_drawn(screen: &str) -> bool {
    screen.contains("B/s")
}

#[test]
fn a_read_that_takes_its_time_is_named_and_nothing_is_left_of_it_at_the_end() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let Some(terminal) = Terminal::start(dir.path(), 100, Away::Nothing, &["a", "fifo"]) else { return };
    let mut writer = open_writer(&path);
    let screen = terminal.wait_for(|screen| screen.contains(": fifo"));
    assert_eq!(lines(&screen)[0], A, "what is done is listed above: {screen}");
    assert!(
        lines(&screen)[1].starts_with("1 file, 1 B,") || lines(&screen)[1].starts_with("1 of 2 files, "),
        "{screen}"
    );
    writer.write_all(b"abc").unwrap();
    terminal.wait_for(|screen| screen.contains("fifo 3 B"));
    drop(writer);
    let (screen, status) = terminal.end();
    assert_eq!(status.code(), Some(0));
    let told = lines(&screen);
    assert_eq!(told[..2], [A, "900150983cd24fb0d6963f7d28e17f72  fifo"], "{screen}");
    assert!(told[2].starts_with("md5all: 2 files, 4 B in ") && told[2].ends_with("B/s)"), "{screen}");
    assert_eq!(told.len(), 3, "{screen}");
}

/// What it waits for is opened, not read.
#[test]
fn an_etag_has_the_line_and_the_summary_as_well() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let Some(terminal) = Terminal::start(dir.path(), 100, Away::Nothing, &["etag", "a", "fifo"]) else { return };
    let screen = terminal.wait_for(|screen| screen.contains("1 of 2 files, 1 B of 1 B") && screen.contains(": fifo"));
    assert_eq!(lines(&screen)[0], A, "{screen}");
    drop(open_writer(&path));
    let (screen, status) = terminal.end();
    let told = lines(&screen);
    assert!(told[2].starts_with("md5all: 2 files, 1 B in ") && told[2].ends_with("B/s)"), "{screen}");
    assert_eq!((told.len(), status.code()), (3, Some(0)), "{screen}");
}

/// The FIFO has no size, so all that can be known is done.
#[test]
fn what_there_is_in_all_is_told_once_it_is_known() {
    let dir = tree(&["tree/a", "tree/b/c", "tree/d"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let Some(terminal) = Terminal::start(dir.path(), 100, Away::Output, &["tree", "fifo"]) else { return };
    let writer = open_writer(&path);
    let screen = terminal.wait_for(|screen| screen.contains("3 of 4 files"));
    assert!(screen.contains("20 B of 20 B, 100 %, "), "{screen}");
    drop(writer);
    let (screen, _) = terminal.end();
    assert!(lines(&screen)[0].starts_with("md5all: 4 files, 20 B in "), "{screen}");
}

/// What is left out is not waited for.
#[test]
fn what_there_is_in_all_is_what_is_selected() {
    let dir = tree(&["tree/a", "tree/b/c", "tree/long name"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let arguments = ["--max-size", "8", "tree", "fifo"];
    let Some(terminal) = Terminal::start(dir.path(), 100, Away::Output, &arguments) else { return };
    let writer = open_writer(&path);
    let screen = terminal.wait_for(|screen| screen.contains(" of "));
    assert!(screen.starts_with("2 of 3 files, 14 B of 14 B, 100 %, "), "{screen}");
    drop(writer);
    terminal.end();
}

#[test]
fn a_run_that_is_short_shows_its_summary_and_no_line() {
    let dir = tree(&["a"]);
    let Some(terminal) = Terminal::start(dir.path(), 80, Away::Nothing, &["a"]) else { return };
    terminal.wait_for(|screen| screen.contains("md5all: 1 file, "));
    let bytes = terminal.bytes();
    assert!(!bytes.contains(&0x1b), "{}", bytes.escape_ascii());
    assert_eq!(terminal.end().1.code(), Some(0));
}

/// All of it, however the two are mixed.
#[test]
fn errors_and_lines_are_whole_above_the_line() {
    let names: Vec<String> = (0..40).map(|number| format!("tree/{number:02}")).collect();
    let dir = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let (first, last) = (dir.path().join("0"), dir.path().join("z"));
    fifo(&first);
    fifo(&last);
    let arguments = ["0", "gone", "tree", "z"];
    let Some(terminal) = Terminal::start(dir.path(), 100, Away::Nothing, &arguments) else { return };
    let writer = open_writer(&first);
    terminal.wait_for(is_drawn);
    drop(writer);
    let writer = open_writer(&last);
    let screen = terminal.wait_for(|screen| screen.contains("/39") && is_drawn(screen));
    assert_eq!(lines(&screen).iter().filter(|line| line.contains("B/s")).count(), 1, "{screen}");
    drop(writer);
    let written = terminal.bytes();
    let (screen, status) = terminal.end();
    assert_eq!(status.code(), Some(2));
    assert!(lines(&screen).last().unwrap().ends_with(", 1 error"), "{screen}");
    let text = String::from_utf8(written).unwrap();
    assert!(text.contains("md5all: gone: cannot stat: No such file or directory\r\n"), "{text}");
    for line in lines(&screen).iter().filter(|line| line.contains("tree/")) {
        let name = &line[34..];
        assert_eq!(**line, format!("{}  {name}", md5(name.as_bytes())));
    }
}

/// It is overwritten, and what is said is written together with it: there is no moment without it.
#[test]
fn the_line_is_never_wiped_before_it_is_drawn_anew() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let Some(terminal) = Terminal::start(dir.path(), 100, Away::Output, &["fifo"]) else { return };
    let mut writer = open_writer(&path);
    terminal.wait_for(is_drawn);
    for count in 1..=3 {
        writer.write_all(&[b'x'; 1000]).unwrap();
        terminal.wait_for(|screen| screen.contains(&format!("fifo {count}.00 kB")));
    }
    let text = String::from_utf8(terminal.bytes()).unwrap();
    drop(writer);
    terminal.end();
    assert!(!text.contains("\x1b[?25l") && !text.contains("\x1b[2K"), "{text:?}");
    assert!(!text.contains("\r\x1b[K"), "wiped: {text:?}");
    assert!(text.starts_with('\r') && text.matches('\r').count() >= 4, "{text:?}");
}

#[test]
fn names_are_fit_for_a_line_whatever_they_hold() {
    let dir = tree(&[]);
    let path = dir.path().join("two\nlines\u{1b}[2J");
    fifo(&path);
    let Some(terminal) = Terminal::start(dir.path(), 100, Away::Output, &["two\nlines\u{1b}[2J"]) else { return };
    let writer = open_writer(&path);
    let screen = terminal.wait_for(|screen| screen.contains(r"two\nlines\033[2J"));
    assert_eq!(lines(&screen).len(), 1, "{screen}");
    drop(writer);
    terminal.end();
}

#[test]
fn results_show_no_name_that_a_terminal_would_obey() {
    let dir = tree(&["t/a\u{1b}[2J", "t/b"]);
    fs::write(dir.path().join("list"), format!("{}  t/b\n{}  t/c\u{1b}[2J\n", md5(b"?"), md5(b"c"))).unwrap();
    for command in ["audit", "update"] {
        let Some(terminal) = Terminal::start(dir.path(), 80, Away::Nothing, &[command, "list", "t"]) else { return };
        let (screen, _) = terminal.end();
        for line in [r"new: $'t/a\033[2J'", "changed: t/b", r"missing: $'t/c\033[2J'"] {
            assert!(lines(&screen).contains(&line), "{command}: {line} in {screen}");
        }
    }
}

#[test]
fn a_terminal_that_is_dumb_or_not_to_be_drawn_on_shows_none() {
    let dir = tree(&["a"]);
    let (path, quiet) = (dir.path().join("fifo"), dir.path().join("list"));
    fifo(&path);
    fs::write(&quiet, "d41d8cd98f00b204e9800998ecf8427e  fifo\n").unwrap();
    let rows: [(&str, &[&str], usize); 3] = [
        ("dumb", &["fifo"], 1),
        ("xterm", &["--progress", "never", "fifo"], 0),
        ("xterm", &["-c", "--quiet", "list"], 0),
    ];
    for (term, arguments, told) in rows {
        let Some(mut command) = found("setsid") else { return };
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_md5all")).args(arguments);
        let terminal = Terminal::run(command.current_dir(&dir).env("TERM", term), 80, Away::Output);
        let writer = open_writer(&path);
        until_another_is_drawn();
        let bytes = terminal.bytes();
        drop(writer);
        assert_eq!(bytes.escape_ascii().to_string(), "", "{term} {arguments:?}");
        let (screen, status) = terminal.end();
        assert_eq!((lines(&screen).len(), status.code()), (told, Some(0)), "{term} {arguments:?}: {screen}");
    }
}
