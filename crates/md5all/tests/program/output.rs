//! Where the manifest goes, and what is left when it gets nowhere.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use crate::harness::*;

#[test]
fn a_new_manifest_in_the_tree_does_not_list_itself() {
    let dir = tree(&["a", "z"]);
    assert_eq!(run(dir.path(), &["-o", "list", "."]).clean(), "");
    let list = fs::read_to_string(dir.path().join("list")).unwrap();
    assert_eq!(list, format!("{}  ./a\n{}  ./z\n", md5(b"a"), md5(b"z")));
    assert_eq!(names_in(dir.path()), ["a", "list", "z"]);
}

#[test]
fn a_manifest_that_is_replaced_lists_neither_the_old_nor_the_new() {
    let dir = tree(&["a", "list"]);
    let list = dir.path().join("list");
    fs::set_permissions(&list, Permissions::from_mode(0o640)).unwrap();
    run(dir.path(), &["--output=list"]).clean();
    let text = fs::read_to_string(&list).unwrap();
    assert_eq!(text, format!("{}  ./a\n", md5(b"a")));
    assert_eq!(fs::metadata(&list).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names_in(dir.path()), ["a", "list"]);
}

#[test]
fn a_new_manifest_has_the_permissions_of_any_new_file() {
    let dir = tree(&["a"]);
    run(dir.path(), &["-o", "list", "a"]).clean();
    let mode = |name| fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("list"), mode("a"));
}

/// Others of the group go on to read it, and nobody else does.
#[test]
fn a_manifest_of_another_owner_keeps_its_group() {
    let dir = tree(&["a", "list"]);
    let Some((_keep, command)) = unprivileged(dir.path()).filter(|_| geteuid().is_root()) else { return };
    let list = dir.path().join("list");
    chown(&list, Some(0), Some(4242)).unwrap();
    fs::set_permissions(&list, Permissions::from_mode(0o660)).unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let program = command.get_args().last().unwrap();
    let mut member = Command::new("setpriv");
    member.args(["--reuid=65534", "--regid=65534", "--groups=4242"]).arg(program).args(["-o", "list", "a"]);
    finish(member.current_dir(dir.path())).clean();
    let replaced = fs::metadata(&list).unwrap();
    assert_eq!((replaced.uid(), replaced.gid(), replaced.mode() & 0o777), (65534, 4242, 0o660));
}

#[test]
fn a_link_to_the_manifest_stays_one() {
    let dir = tree(&["a", "elsewhere/list"]);
    symlink("elsewhere/list", dir.path().join("link")).unwrap();
    run(dir.path(), &["-o", "link", "a"]).clean();
    assert!(dir.path().join("link").is_symlink());
    let list = fs::read_to_string(dir.path().join("elsewhere/list")).unwrap();
    assert_eq!(list, format!("{}  a\n", md5(b"a")));
}

#[test]
fn standard_output_in_the_tree_is_not_listed() {
    let dir = tree(&["a", "z"]);
    let list = File::create(dir.path().join("list")).unwrap();
    let child = md5all(dir.path()).stdout(list).stderr(Stdio::piped()).spawn().unwrap();
    join(child).clean();
    let list = fs::read_to_string(dir.path().join("list")).unwrap();
    assert_eq!(list, format!("{}  ./a\n{}  ./z\n", md5(b"a"), md5(b"z")));
}

#[test]
fn a_link_that_leads_nowhere_yet_is_followed() {
    let dir = tree(&["a"]);
    symlink("list", dir.path().join("link")).unwrap();
    run(dir.path(), &["-o", "link", "a"]).clean();
    assert!(dir.path().join("link").is_symlink());
    assert_eq!(fs::read_to_string(dir.path().join("list")).unwrap(), format!("{}  a\n", md5(b"a")));
}

#[test]
fn a_name_mistyped_does_not_empty_the_old_manifest() {
    let dir = tree(&["list"]);
    assert_eq!(run(dir.path(), &["-o", "list", "gone"]).code, Some(2));
    assert_eq!(fs::read(dir.path().join("list")).unwrap(), b"list");
}

/// As of a disk that is not mounted.
#[test]
fn a_tree_without_files_does_not_empty_the_old_manifest() {
    for flags in [&[][..], &["--format", "csv"], &["--seal", "--tag"], &["-z"]] {
        let dir = tree(&["t/a"]);
        fs::create_dir(dir.path().join("empty")).unwrap();
        let make = |tree: &str| run(dir.path(), &[&["-q", "-o", "list"], flags, &[tree]].concat());
        // One that lists nothing may be made, and made again.
        for tree in ["empty", "empty", "t"] {
            assert_eq!(make(tree).clean(), "");
        }
        let old = fs::read(dir.path().join("list")).unwrap();
        let ended = make("empty");
        let why = "md5all: list: there was no file to hash, and it lists some: it is as it was\n";
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), why), "{flags:?}");
        assert_eq!(fs::read(dir.path().join("list")).unwrap(), old);
    }
}

#[test]
fn more_names_of_the_old_manifest_are_left_out_and_said() {
    let dir = tree(&["a", "list"]);
    fs::hard_link(dir.path().join("list"), dir.path().join("backup")).unwrap();
    let ended = run(dir.path(), &["-o", "list"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("1 more name"), "{}", ended.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_done_is_written_before_a_long_wait() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let mut child = md5all(dir.path()).args(["a", "fifo"]).stdout(Stdio::piped()).spawn().unwrap();
    let writer = open_writer(&path);
    let mut line = String::new();
    let mut lines = io::BufReader::new(child.stdout.take().unwrap());
    io::BufRead::read_line(&mut lines, &mut line).unwrap(); // while the FIFO is still being read
    assert_eq!(line, format!("{}  a\n", md5(b"a")));
    drop(writer);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_name_of_standard_output_is_no_file_to_replace() {
    let dir = tree(&["a"]);
    for name in ["-", "/dev/stdout", "/dev/fd/1"] {
        let log = dir.path().join("log");
        fs::write(&log, "before\n").unwrap();
        let stdout = File::options().append(true).open(&log).unwrap();
        let child = md5all(dir.path()).args(["-o", name, "a"]).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        join(child).clean();
        assert_eq!(fs::read_to_string(&log).unwrap(), format!("before\n{}  a\n", md5(b"a")), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_was_killed_leaves_its_journal_and_nothing_else() {
    let dir = tree(&["a"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let child = md5all(dir.path()).args(["-o", "list", "a", "fifo"]).stdout(Stdio::piped()).spawn().unwrap();
    let writer = open_writer(&path); // it is reading, so the output is open
    rustix::process::kill_process(pid(&child), rustix::process::Signal::KILL).unwrap();
    join(child);
    drop(writer);
    assert_eq!(names_in(dir.path()), ["a", "fifo", "list.journal"]);
}

#[test]
fn what_could_be_read_is_written_even_if_not_all_could() {
    let dir = tree(&["a", "list"]);
    let ended = run(dir.path(), &["-o", "list", "a", "gone"]);
    assert_eq!(ended.code, Some(2));
    let list = fs::read_to_string(dir.path().join("list")).unwrap();
    assert_eq!(list, format!("{}  a\n", md5(b"a")));
}

#[test]
fn the_old_manifest_is_untouched_by_a_failure() {
    let dir = tree(&["a", "list"]);
    let ended = run(dir.path(), &["--fail-fast", "-o", "list", "a", "gone"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(fs::read(dir.path().join("list")).unwrap(), b"list");
    assert_eq!(names_in(dir.path()), ["a", "list"]);
}

#[test]
fn a_manifest_that_cannot_be_made_is_one_line() {
    let dir = tree(&["a"]);
    let rows = [
        ("no/such/list", "No such file or directory"),
        (".", "Is a directory"),
        ("new/", "Is a directory"),
        ("a/list", "Not a directory"),
    ];
    for (path, reason) in rows {
        let ended = run(dir.path(), &["-o", path, "a"]);
        assert_eq!(ended.code, Some(2));
        assert_eq!(ended.stderr, format!("md5all: {path}: cannot create: {reason}\n"));
    }
}

#[test]
fn a_directory_that_may_be_written_and_not_read_takes_a_manifest() {
    let dir = tree(&["a"]);
    let Some((_keep, mut command)) = unprivileged(dir.path()) else { return };
    let place = dir.path().join("place");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, Permissions::from_mode(0o333)).unwrap();
    assert_eq!(finish(command.args(["-o", "place/list", "a"])).clean(), "");
    fs::set_permissions(&place, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(fs::read_to_string(place.join("list")).unwrap(), format!("{}  a\n", md5(b"a")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_line() {
    let dir = tree(&["a"]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let child = md5all(dir.path()).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let ended = join(child);
    let reason = "cannot write: No space left on device";
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr, format!("md5all: standard output: {reason}\n"));

    let ended = run(dir.path(), &["-o", "/dev/full"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr, format!("md5all: /dev/full: {reason}\n"));
}

/// As Python's `subprocess.DEVNULL` and daemons open it. It was once taken for a standard output that was closed.
#[test]
fn a_null_device_that_is_open_both_ways_is_written_to() {
    let dir = tree(&["a"]);
    let both_ways = fs::OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    assert_eq!(md5all(dir.path()).arg("a").stdout(both_ways).status().unwrap().code(), Some(0));
}

#[test]
fn a_closed_pipe_is_no_line() {
    let dir = tree(&["a"]);
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let child = md5all(dir.path()).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let ended = join(child);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""));
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let dir = tree(&["a"]);
    assert_eq!(run(dir.path(), &["-o", "/dev/null"]).clean(), "");
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}
