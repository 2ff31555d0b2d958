//! `--files-from`: what a list names is hashed, in its order.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Stdio;

use errgroup::Context;
use md5all::{Error, Options, Outcome, hash_named};

use crate::harness::{Run, fifo, join, md5all, plant, run, tree};

/// Runs with a list on standard input.
fn with_list(dir: &std::path::Path, list: &[u8], arguments: &[&str]) -> Run {
    let mut command = md5all(dir);
    command.args(["--files-from", "-"]).args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("it is piped");
    let list = list.to_vec();
    // It may have ended at an error in the list.
    std::thread::spawn(move || drop(input.write_all(&list)));
    join(child)
}

#[test]
fn records_come_in_the_order_of_the_list_and_a_directory_in_that_of_paths() {
    let dir = tree(&["z", "d/b", "d/a/x", "d/a.x", "a", "e/f"]);
    let run = with_list(dir.path(), b"z\nd\na\n\ne/f\nz\ne/", &[]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.names(), ["z", "d/a.x", "d/a/x", "d/b", "a", "e/f", "z", "e/f"]);
}

#[test]
fn that_there_was_no_file_is_said() {
    let dir = tree(&["t/a"]);
    fs::create_dir(dir.path().join("empty")).unwrap();
    let told = "md5all: there was no file to hash\n";
    let said = |run: Run| (run.code, run.stderr, run.stdout.len());
    assert_eq!(said(with_list(dir.path(), b"\n", &[])), (Some(0), told.to_owned(), 0));
    assert_eq!(said(run(dir.path(), &["empty", "-o", "empty/list"])), (Some(0), told.to_owned(), 0));
    assert_eq!(said(run(dir.path(), &["--exclude", "a", "t"])), (Some(0), told.to_owned(), 0));
    assert_eq!(said(run(dir.path(), &["-q", "--exclude", "a", "t"])), (Some(0), String::new(), 0));
    assert_eq!(run(dir.path(), &["missing"]).stderr.lines().count(), 1);
}

#[test]
fn a_list_may_be_a_file() {
    let dir = tree(&["b", "a"]);
    fs::write(dir.path().join("list"), "b\na\n").unwrap();
    assert_eq!(run(dir.path(), &["--files-from", "list"]).names(), ["b", "a"]);
    let none = run(dir.path(), &["--files-from", "none"]);
    assert_eq!(none.code, Some(2));
    assert_eq!(none.stderr, "md5all: none: cannot open: No such file or directory\n");
}

#[test]
fn names_of_any_bytes_end_with_nul_or_newline() {
    let dir = tempfile::tempdir().unwrap();
    let names: [&[u8]; 4] = [b"a\nb", b"\xff\\n", b" c ", b"-"];
    for name in names {
        plant(dir.path(), OsStr::from_bytes(name), name);
    }
    let run = with_list(dir.path(), &names.join(&0), &["-0", "-z"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let listed: Vec<_> =
        run.stdout.split(|&byte| byte == 0).filter(|line| !line.is_empty()).map(|line| &line[34..]).collect();
    assert_eq!(listed, names);
    let run = with_list(dir.path(), b"\xff\\n\n c \n", &["-z"]);
    assert_eq!(run.stdout.split(|&byte| byte == 0).filter(|line| !line.is_empty()).count(), 2);
}

#[test]
fn a_name_that_is_not_there_is_an_error_line_and_the_rest_goes_on() {
    let dir = tree(&["a", "b"]);
    let run = with_list(dir.path(), b"a\nnone\nb\n", &[]);
    assert_eq!(run.code, Some(2));
    assert_eq!(run.stderr, "md5all: none: cannot open: No such file or directory\n");
    assert_eq!(run.names(), ["a", "b"]);
}

#[test]
fn a_nul_in_a_list_of_lines_ends_the_run_and_names_the_line() {
    let dir = tree(&["a", "b"]);
    let run = with_list(dir.path(), b"a\nb\0b\0", &["-o", "sums"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.starts_with("md5all: standard input: cannot read: line 2: there is a NUL in it"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains(" -0 (--null)"), "{}", run.stderr);
    assert!(!dir.path().join("sums").exists());
}

#[test]
fn what_is_special_is_skipped_in_a_list() {
    let dir = tree(&["a"]);
    fifo(&dir.path().join("fifo"));
    let run = with_list(dir.path(), b"fifo\na\nfifo\n", &[]);
    assert_eq!(run.stderr, "md5all: skipped 2 special files (FIFO, socket or device)\n");
    assert_eq!((run.code, run.names()), (Some(0), vec!["a".to_owned()]));
}

#[test]
fn what_is_selected_is_so_in_directories_of_the_list() {
    let dir = tree(&["d/a.o", "d/a.c", "x.o"]);
    let run = with_list(dir.path(), b"x.o\nd\n", &["--exclude", "*.o"]);
    assert_eq!(run.names(), ["x.o", "d/a.c"]);
}

#[test]
fn a_list_and_paths_or_check_are_refused() {
    let dir = tree(&["a"]);
    for (arguments, code) in [
        (&["--files-from", "a", "a"][..], 3),
        (&["-0", "a"], 3),
        (&["--files-from", "a", "-c"], 1),
        (&["audit", "--files-from", "a", "a"], 3),
    ] {
        assert_eq!(run(dir.path(), arguments).code, Some(code), "{arguments:?}");
    }
}

/// Far more names than a window of records, every other one of a directory. The peak is read while the list is open.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_however_long_the_list_is() {
    const NAMES: usize = 300_000;
    let dir = tree(&["d/a", "b"]);
    let mut command = md5all(dir.path());
    command.args(["--memory", "16M", "-j", "2", "--files-from", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("it is piped");
    let writer = std::thread::spawn(move || {
        (0..NAMES / 2).try_for_each(|_| input.write_all(b"b\nd\n")).expect("it reads on");
        input
    });
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    // The last few names wait for more.
    assert_eq!(lines.by_ref().take(NAMES - 1000).map(Result::unwrap).count(), NAMES - 1000);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let kib = |field| -> usize {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the system says");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    // Without the code, which is larger in tests than users have it.
    let peak = kib("VmHWM:") - kib("RssFile:");
    assert!(peak < 16 * 1024, "{peak} KiB");
    drop(writer.join().expect("it has written all"));
    assert_eq!(lines.count(), 1000);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_first_error_among_names_is_the_end() {
    let dir = tree(&["a"]);
    let names: Vec<Result<PathBuf, Error>> = vec![
        Ok(dir.path().join("a")),
        Err(Error::Entry { path: "list".into(), reason: md5all::Reason::Moved }),
        Ok(dir.path().join("a")),
    ];
    let mut records = hash_named(&Context::background(), names, Options::new([""; 0]));
    let error = records.find_map(Result::err).expect("there is one");
    assert_eq!(error.path(), Some(std::path::Path::new("list")));
    assert!(records.next().is_none());
}

#[test]
fn a_path_too_long_for_a_system_call_is_found_in_a_list() {
    let dir = tempfile::tempdir().unwrap();
    let step = "x".repeat(200);
    let mut base = rustix::fs::open(dir.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    let mut path = dir.path().to_owned();
    for _ in 0..25 {
        rustix::fs::mkdirat(&base, &step, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        base = rustix::fs::openat(&base, &step, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
        path.push(&step);
    }
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE;
    rustix::fs::openat(&base, "file", flags, rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
    path.push("file");
    let records = hash_named(&Context::background(), vec![Ok(path)], Options::new([""; 0]));
    let hashed = records.filter(|record| matches!(record.as_ref().unwrap().outcome(), Outcome::Hashed(_)));
    assert_eq!(hashed.count(), 1);
}
