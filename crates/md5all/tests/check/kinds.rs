//! Files that are more than bytes on a disk: FIFOs, files that may not be read, files that are far too deep.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use md5all::manifest::Format;
use rustix::fs::{Mode, OFlags, mkdirat, openat};
use rustix::process::geteuid;

use crate::field::{Call, Field, Program, fields, fill};
use crate::harness::{finish, found, md5all, open_writer, roomy, run};

const BOTH: [Program; 2] = [Program::Tool, Program::Md5all];

/// Whoever writes waits for a reader, writes once and goes: it must not be a reader that only looks.
#[test]
fn a_fifo_is_read_as_often_as_it_is_listed() {
    let field = Field::new();
    for list in [&b"{a}  fifo\n"[..], b"{a}  ./a\n{a}  ./fifo\n{b}  ./b\n", b"{a}  a\n{a}  fifo\n{b}  b\n"] {
        field.list("list", list);
        for program in BOTH {
            let fifo = field.path("fifo");
            let writer = thread::spawn(move || open_writer(&fifo).write_all(b"a"));
            let ended = finish(field.command(program, &Call::line("-c list")).stdin(Stdio::null()));
            writer.join().unwrap().unwrap();
            assert!(ended.clean().lines().all(|line| line.ends_with(": OK")));
        }
    }
}

#[test]
fn a_list_may_come_through_a_fifo_line_by_line() {
    let field = Field::new();
    let mut child = md5all(field.dir.path()).args(["-c", "fifo"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut writer = open_writer(&field.path("fifo"));
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    for name in ["a", "b"] {
        writer.write_all(&fill(format!("{{{name}}}  {name}\n").as_bytes())).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), format!("{name}: OK"), "before the next line is written");
    }
    drop(writer);
    assert!(lines.next().is_none() && child.wait().unwrap().success());
}

#[test]
fn what_may_not_be_read_is_said_as_md5sum_says_it() {
    fields().for_each(check_without_permission);
}

fn check_without_permission(field: Field) {
    let tool = field.tool.name;
    let forbid = |name: &str, mode| fs::set_permissions(field.path(name), Permissions::from_mode(mode)).unwrap();
    field.list("list", b"{a}  a\n{a}  secret\n{dir/in}  dir/in\n{dir/in}  locked/in\n{dir/in}  locked/in\n{b}  b\n");
    field.list("forbidden", b"{a}  a\n");
    // A directory that may be entered, and not listed.
    field.list("unlisted", b"{dir/in}  dir/in\n{dir/other}  dir/other\n{dir/in}  dir/in\n");
    fs::write(field.path("secret"), "a").unwrap();
    fs::create_dir(field.path("locked")).unwrap();
    fs::write(field.path("locked/in"), "a").unwrap();
    forbid("secret", 0o000);
    forbid("locked", 0o000);
    forbid("forbidden", 0o000);
    forbid("dir", 0o711);
    fs::set_permissions(field.dir.path(), Permissions::from_mode(0o755)).unwrap();
    let mut calls = vec![Call::line("secret a locked/in dir/in dir/other")];
    for flags in ["-c", "-c --status", "-c --quiet", "-c --ignore-missing", "-c -w"] {
        calls.extend(["list", "forbidden", "unlisted"].map(|list| Call::line(&format!("{flags} {list}"))));
    }
    let programs = tempfile::tempdir().unwrap();
    fs::set_permissions(programs.path(), Permissions::from_mode(0o755)).unwrap();
    let copy = programs.path().join("md5all");
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_md5all")).arg(&copy).status().unwrap().success());
    symlink("md5all", programs.path().join(tool)).unwrap();
    let alias = programs.path().join(tool);
    for call in &calls {
        let run = |program: PathBuf| unprivileged(&field, program, call);
        let (Some(theirs), Some(ours)) = (run(tool.into()), run(alias.clone())) else { return };
        let named = ours.1.replace(alias.to_str().unwrap(), tool);
        assert_eq!((ours.0, named, ours.2), theirs, "{call:?}");
        if call.is_check() && !(call.has_warnings() && tool != "md5sum") {
            let all = run(copy.clone()).unwrap();
            assert_eq!((all.0, all.1.replace("md5all: ", &format!("{tool}: ")), all.2), theirs, "{call:?}");
        }
    }
    forbid("locked", 0o700);
}

/// Standard output, standard error, exit status: of a program run by somebody for whom permissions mean something.
fn unprivileged(field: &Field, program: PathBuf, call: &Call) -> Option<(Vec<u8>, String, Option<i32>)> {
    let mut command = match geteuid().is_root() {
        false => Command::new(program),
        true => {
            let mut setpriv = found("setpriv")?;
            setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
            setpriv
        }
    };
    command.args(&call.arguments).current_dir(&field.dir).env("LC_ALL", "C").stdin(Stdio::null());
    let ended = finish(&mut command);
    Some((ended.stdout, ended.stderr, ended.code))
}

/// What md5all lists, it can check: also where a path is longer than any system call takes.
#[test]
fn files_whose_paths_are_too_long_for_a_system_call_are_checked() {
    let dir = roomy();
    let mut directory: std::os::fd::OwnedFd = File::open(dir.path()).unwrap().into();
    let level = "d".repeat(200);
    for _ in 0..60 {
        mkdirat(&directory, &level, Mode::RWXU).unwrap();
        directory = openat(&directory, &level, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    for name in ["one", "two"] {
        let file = openat(&directory, name, OFlags::WRONLY | OFlags::CREATE, Mode::RUSR).unwrap();
        rustix::io::write(file, name.as_bytes()).unwrap();
    }
    let list = run(dir.path(), &[&level]).clean();
    fs::write(dir.path().join("list"), &list).unwrap();
    let ended = run(dir.path(), &["-c", "list"]);
    // Not the directory's own drop, which goes by whole paths.
    assert!(Command::new("rm").arg("-rf").arg(dir.path().join(&level)).status().unwrap().success());
    assert!(list.lines().all(|line| line.len() > 12_000));
    let expected: String = list.lines().map(|line| format!("{}: OK\n", &line[34..])).collect();
    assert!(ended.clean() == expected);
}

/// Whatever is listed is checked, in its order, with thousands under way and most of them in other directories.
#[test]
fn what_is_written_for_a_tree_is_found_in_it() {
    let dir = roomy();
    for index in 0..3_000 {
        let name = format!("t/{}/{index}", index % 50);
        crate::harness::plant(dir.path(), name.as_ref(), name.as_bytes());
    }
    for format in Format::ALL.map(Format::name) {
        run(dir.path(), &["--format", format, "-o", "list", "t"]).clean();
        let check = ["-c", "--format", format, "list"];
        let ended = run(dir.path(), &check).clean();
        assert_eq!(ended.lines().filter(|line| line.ends_with(": OK")).count(), 3_000);
        let mut names: Vec<_> = run(dir.path(), &["t"]).names();
        names.iter_mut().for_each(|name| name.push_str(": OK"));
        assert!(ended.lines().eq(names.iter()), "the order is the list's");
    }
    fs::write(dir.path().join("t/7/7"), "changed").unwrap();
    fs::remove_file(dir.path().join("t/8/8")).unwrap();
    let ended = run(dir.path(), &["-c", "--quiet", "list"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "t/7/7: FAILED\nt/8/8: FAILED open or read\n");
}

/// Lines come and go: neither they nor their names are kept.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_list() {
    let field = Field::new();
    let name = format!("{}a", "./".repeat(1_000));
    let line = fill(format!("{{a}}  {name}\n").as_bytes());
    let few = peak_after(&field, &line.repeat(10_000));
    let many = peak_after(&field, &line.repeat(60_000));
    assert!(many < few + 16_384, "{few} KiB after 20 MB of list, and {many} after 120 MB");
}

/// KiB that the program has had at the most when it has read this much of a list, and waits for more.
#[cfg(target_os = "linux")]
fn peak_after(field: &Field, list: &[u8]) -> usize {
    let mut child = md5all(field.dir.path()).args(["-c", "--status", "fifo"]).spawn().unwrap();
    let mut writer = open_writer(&field.path("fifo"));
    writer.write_all(list).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(writer);
    assert!(child.wait().unwrap().success());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}
