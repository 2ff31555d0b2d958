//! Audits of what cannot be read, changes meanwhile, or has names that no text has.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use rustix::process::{Signal, kill_process};

use crate::harness::{endless, finish, join, md5all, open_writer, pid, unprivileged};
use crate::stage::Stage;
use crate::stage::Step::{Copy, Fifo, Remove, Rename, Write};

#[test]
fn what_could_not_be_listed_hides_no_missing_file_and_moves_none() {
    let stage = Stage::new(&[Write("t/d/x", "one"), Write("t/d/e/y", "two"), Write("t/a", "three")]);
    stage.list();
    stage.play(&[Copy("t/d/x", "t/n"), Remove("t/d/e/y")]);
    let Some((_keep, mut program)) = unprivileged(stage.dir.path()) else { return };
    fs::set_permissions(stage.path("t/d"), Permissions::from_mode(0o000)).unwrap();
    let run = finish(program.args(["audit", "list", "t"]));
    fs::set_permissions(stage.path("t/d"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!((run.code, run.stderr.as_str()), (Some(2), "md5all: t/d: cannot open directory: Permission denied\n"));
    let text = run.text();
    let told: Vec<_> = text.lines().collect();
    let lines = ["unreadable: t/d", "unreadable: t/d/e/y", "unreadable: t/d/x", "new: t/n"];
    assert_eq!((told.len(), told[0]), (5, lines[0]), "{text}");
    assert_eq!(told[1..4], lines[1..], "{text}");
}

/// One that may be listed, but not looked into.
#[test]
fn what_may_not_be_looked_for_is_not_missing() {
    let stage = Stage::new(&[Write("t/d/x", "one"), Write("t/d/y", "two")]);
    stage.list();
    stage.play(&[Remove("t/d/y")]);
    let Some((_keep, mut program)) = unprivileged(stage.dir.path()) else { return };
    fs::set_permissions(stage.path("t/d"), Permissions::from_mode(0o744)).unwrap();
    let run = finish(program.args(["audit", "list", "t"]));
    fs::set_permissions(stage.path("t/d"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("md5all: t/d/y: cannot stat: Permission denied\n"), "{run:?}");
    let text = run.text();
    assert!(text.starts_with("unreadable: t/d/x\nunreadable: t/d/y\nsummary: 0 ok"), "{text}");
}

#[test]
fn an_unreadable_file_is_exit_2_even_if_others_differ() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/b", "two")]);
    stage.list();
    stage.play(&[Write("t/b", "TWO")]);
    let Some((_keep, mut program)) = unprivileged(stage.dir.path()) else { return };
    fs::set_permissions(stage.path("t/a"), Permissions::from_mode(0o000)).unwrap();
    let run = finish(program.args(["audit", "list", "t", "--json"]));
    assert_eq!(run.code, Some(2));
    let text = run.text();
    let line = "{\"verdict\":\"unreadable\",\"path\":\"t/a\",\"reason\":\"cannot open: Permission denied\"}\n\
                {\"verdict\":\"changed\",\"path\":\"t/b\"}\n";
    assert!(text.starts_with(line), "{text}");
}

#[test]
fn a_root_that_is_not_there_is_unreadable_and_no_file_of_it_missing() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/d/b", "two")]);
    stage.list();
    stage.play(&[Rename("t", "elsewhere")]);
    stage.check("audit list t", &["unreadable: t", "unreadable: t/a", "unreadable: t/d/b"], 2);
    assert!(stage.run("audit list t").stderr.starts_with("md5all: t: cannot stat: No such file or directory\n"));
}

/// Where names are relative to it, it would have an empty one.
#[test]
fn a_root_that_cannot_be_walked_is_told_as_it_was_given() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/d/b", "two")]);
    stage.write_list("list", "{one}  a\n{two}  d/b\n");
    for root in ["nope", "./nope/", "../nope"] {
        let line = format!("audit list {root}");
        stage.check(&line, &[&format!("unreadable: {root}"), "unreadable: a", "unreadable: d/b"], 2);
        let message = format!("md5all: {root}: cannot stat: No such file or directory\n");
        assert_eq!(stage.run(&line).stderr, message);
    }
}

#[test]
fn a_fifo_in_the_place_of_a_file_is_not_waited_for() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/d/b", "two")]);
    stage.list();
    stage.play(&[Remove("t/a"), Fifo("t/a"), Remove("t/d/b"), Fifo("t/d/b")]);
    stage.check("audit list t", &["changed: t/a", "changed: t/d/b"], 1);
}

#[test]
fn names_of_all_bytes_are_audited() {
    let stage = Stage::new(&[]);
    let name = |byte: u8| [b"t/x".as_slice(), &[byte], b"y"].concat();
    let path = |byte| stage.dir.path().join(OsStr::from_bytes(&name(byte)));
    fs::create_dir(stage.path("t")).unwrap();
    let bytes = || (1..=255).filter(|&byte| byte != b'/');
    bytes().for_each(|byte| fs::write(path(byte), [byte]).unwrap());
    stage.list();
    stage.check("audit list t", &[], 0);
    bytes().for_each(|byte| fs::rename(path(byte), path(byte).with_extension("moved")).unwrap());
    let run = stage.run("audit list t");
    let note = "md5all: not one file is where it was: is it the same tree?\n";
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), note));
    let lines: Vec<_> = run.stdout.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"moved: ")).collect();
    assert_eq!(lines.len(), 254);
    for byte in bytes().filter(|byte| !matches!(byte, b'\\' | b'\n' | b'\r' | b'.')) {
        let line = [b"moved: ", &name(byte)[..], b" -> ", &name(byte), b".moved"].concat();
        assert!(lines.contains(&&line[..]), "byte {byte}");
    }
}

#[test]
fn paths_too_long_for_a_system_call_are_audited() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat, unlinkat};
    let stage = Stage::new(&[Write("t/a", "one")]);
    let part = "x".repeat(200);
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut directory = openat(CWD, stage.path("t"), flags, Mode::empty()).unwrap();
    for _ in 0..50 {
        mkdirat(&directory, &part[..], Mode::from_raw_mode(0o755)).unwrap();
        directory = openat(&directory, &part[..], flags, Mode::empty()).unwrap();
    }
    openat(&directory, "deep", OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC, Mode::from_raw_mode(0o644)).unwrap();
    stage.list();
    stage.check("audit list t", &[], 0);
    unlinkat(&directory, "deep", rustix::fs::AtFlags::empty()).unwrap();
    let deep = format!("missing: t/{}deep", format!("{part}/").repeat(50));
    stage.check("audit list t", &[&deep], 1);
    mkdirat(&directory, "deep", Mode::from_raw_mode(0o755)).unwrap();
    stage.check("audit list t", &[&deep.replace("missing", "changed")], 1);
}

/// A file comes and goes: it may be there, or not, or vanish before it is opened; but it is told once, and nothing else is.
#[test]
fn a_file_that_vanishes_in_between_is_told_once_and_others_are_ok() {
    let stage = Stage::new(&[Write("t/a", "one"), Write("t/f", "two"), Write("t/z", "three")]);
    stage.list();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let file = stage.path("t/f");
        let over = &over;
        scope.spawn(move || {
            while !over.load(Relaxed) {
                let _ = fs::remove_file(&file);
                fs::write(&file, "two").expect("a file");
            }
        });
        let mut runs = Vec::new();
        for _ in 0..60 {
            runs.push(stage.run("audit list t -v --io ssd"));
        }
        over.store(true, Relaxed);
        for run in runs {
            let code = run.code;
            let text = run.text();
            let told: Vec<_> = text.lines().filter(|line| line.ends_with(": t/f")).collect();
            assert_eq!(told.len(), 1, "{text}");
            let expected = match told[0] {
                "ok: t/f" => 0,
                // Between its making and its writing it is empty.
                "changed: t/f" | "missing: t/f" => 1,
                "unreadable: t/f" => 2,
                other => panic!("{other}"),
            };
            assert_eq!(code, Some(expected), "{text}");
            assert!(text.contains("ok: t/a\n") && text.contains("ok: t/z\n"), "{text}");
        }
    });
}

#[test]
fn an_interrupt_is_exit_130() {
    let stage = Stage::new(&[Write("t/a", "one"), Fifo("gate")]);
    stage.list();
    drop(endless(&stage.path("t/b")));
    // It has begun once it has read its manifest.
    let command = ["audit", "gate", "t"];
    let mut program = md5all(stage.dir.path());
    let child = program.args(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut gate = open_writer(&stage.path("gate"));
    std::io::copy(&mut fs::File::open(stage.path("list")).unwrap(), &mut gate).unwrap();
    drop(gate);
    kill_process(pid(&child), Signal::INT).unwrap();
    let run = join(child);
    assert_eq!((run.code, run.stderr.as_str()), (Some(130), ""));
}

#[test]
fn a_reader_that_has_gone_is_no_success_and_no_message() {
    let stage = Stage::new(&[Write("t/a", "one")]);
    stage.list();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut program = md5all(stage.dir.path());
    let child = program.args(["audit", "list", "t"]).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let run = join(child);
    assert_eq!((run.code, run.stderr.as_str()), (Some(2), ""));
}
