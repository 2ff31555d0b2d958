//! Where there is no terminal.

use std::process::Stdio;

use crate::harness::*;
use crate::screen::until_another_is_drawn;

#[test]
fn a_pipe_gets_nothing_that_was_not_asked_for() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let mut command = md5all(dir.path());
    command.args(["a", "fifo"]).env("TERM", "xterm").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let writer = open_writer(&path);
    until_another_is_drawn();
    drop(writer);
    assert_eq!(join(child).clean().lines().count(), 2);
}

#[test]
fn who_asks_gets_lines_without_control_characters() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let mut command = md5all(dir.path());
    let child = command.args(["--progress=always", "fifo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let writer = open_writer(&path);
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert!(line.starts_with("md5all: 0 ") && line.ends_with(": fifo\n"), "{line}");
    drop(writer);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
    let last = rest.lines().last().unwrap();
    assert!(last.starts_with("md5all: 1 file, 0 B in "), "{rest}");
    assert!(!line.contains('\x1b') && !rest.contains('\x1b') && !rest.contains('\r'), "{line}{rest}");
    assert_eq!(join(child).code, Some(0));
}

#[test]
fn a_summary_comes_with_v_and_says_what_held_it_up() {
    let dir = tree(&["a", "tree/b"]);
    fifo(&dir.path().join("tree/fifo"));
    let run = run(dir.path(), &["-v", "a", "tree", "gone"]);
    let last = run.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("md5all: 2 files, 7 B in ") && last.contains("), 1 skipped, 1 error; held up by "),
        "{last}"
    );
    assert_eq!(run.code, Some(2));
    let run = crate::harness::run(dir.path(), &["etag", "-v", "a", "gone"]);
    let last = run.stderr.lines().last().unwrap();
    assert!(last.starts_with("md5all: 1 file, 1 B in ") && last.contains("), 1 error; held up by "), "{last}");
}

/// What is written is nothing that could have been read.
#[test]
fn the_output_is_not_among_what_was_skipped() {
    let dir = tree(&["tree/b"]);
    for _ in 0..2 {
        let run = run(dir.path(), &["--progress=always", "-o", "tree/list", "tree"]);
        assert!(run.stderr.starts_with("md5all: 1 file, 6 B in ") && !run.stderr.contains("skipped"), "{run:?}");
    }
}

/// Who opens files that were named lists no directories.
#[test]
fn what_waits_for_a_file_to_open_is_held_up_by_the_disk() {
    let dir = tree(&[]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let mut command = md5all(dir.path());
    let child =
        command.args(["etag", "-v", "--progress=always", "fifo"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    drop(open_writer(&path));
    assert!(line.contains("held up by the disk"), "{line}");
    child.wait().unwrap();
}

#[test]
fn everything_that_reads_trees_sums_up() {
    let dir = tree(&["tree/b"]);
    let sums = run(dir.path(), &["tree"]).clean();
    plant(dir.path(), "list".as_ref(), sums.as_bytes());
    let lines = ["-c list", "audit list tree", "diff list tree", "update list tree", "update --verify list tree"];
    for line in lines.into_iter().chain(["etag tree/b"]) {
        let words: Vec<&str> = line.split(' ').chain(["--progress=always"]).collect();
        let run = run(dir.path(), &words);
        let last = run.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("md5all: 1 file, "), "{line}: {run:?}");
        assert_eq!(run.code, Some(0), "{line}");
    }
    run(dir.path(), &["bag", "create", "tree"]).clean();
    let run = run(dir.path(), &["bag", "verify", "--progress=always", "tree"]);
    assert!(run.stderr.starts_with("md5all: ") && run.stderr.contains(" files, "), "{run:?}");
}

#[test]
fn who_asks_is_told_even_if_all_else_is_to_be_quiet() {
    let dir = tree(&["t/a"]);
    run(dir.path(), &["t", "-o", "list"]).clean();
    let lines = ["-q t", "-c --quiet list", "audit -q list t", "diff -q list t", "update -q list t", "etag -q t/a"];
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let quiet = run(dir.path(), &words);
        assert_eq!((quiet.stderr.as_str(), quiet.code), ("", Some(0)), "{line}");
        let asked = run(dir.path(), &[&words[..], &["--progress=always"]].concat());
        assert!(asked.stderr.starts_with("md5all: 1 file, ") && asked.stderr.lines().count() == 1, "{line}: {asked:?}");
        assert_eq!((asked.stdout, asked.code), (quiet.stdout, Some(0)), "{line}");
    }
}
