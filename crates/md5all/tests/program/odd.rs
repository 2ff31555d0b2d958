//! What happens to bad input, row by row of the documented table.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::harness::*;

#[test]
fn special_files_are_skipped_and_said_once() {
    let dir = tree(&["t/a", "t/z"]);
    fifo(&dir.path().join("t/fifo"));
    let one = run(dir.path(), &["t"]);
    assert_eq!(one.code, Some(0));
    assert_eq!(one.stderr, "md5all: skipped 1 special file (FIFO, socket or device)\n");
    assert_eq!(one.names(), ["t/a", "t/z"]);

    fifo(&dir.path().join("t/sub"));
    UnixListener::bind(dir.path().join("t/socket")).unwrap();
    let three = run(dir.path(), &["t"]);
    assert_eq!(three.code, Some(0));
    assert_eq!(three.stderr, "md5all: skipped 3 special files (FIFO, socket or device)\n");
}

#[test]
fn a_special_file_on_the_command_line_is_read() {
    let dir = tree(&[]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let child = md5all(dir.path()).arg("fifo").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    open_writer(&path).write_all(b"through a pipe").unwrap();
    let line = format!("{}  fifo\n", md5(b"through a pipe"));
    assert_eq!(join(child).clean(), line);
    assert_eq!(run(dir.path(), &["/dev/null"]).names(), ["/dev/null"]);
}

#[test]
fn a_dash_is_standard_input() {
    let dir = tree(&["a"]);
    let mut child = md5all(dir.path())
        .args(["a", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"typed").unwrap();
    let lines = format!("{}  -\n{}  a\n", md5(b"typed"), md5(b"a"));
    assert_eq!(join(child).clean(), lines);
}

#[test]
fn symlinks_are_not_followed_unless_named() {
    let dir = tree(&["t/real/f"]);
    symlink("real", dir.path().join("t/link")).unwrap();
    symlink("gone", dir.path().join("t/broken")).unwrap();
    assert_eq!(run(dir.path(), &["t"]).clean(), oracle(dir.path(), "t"));
    assert_eq!(run(dir.path(), &["t/link"]).names(), ["t/link/f"]);
}

#[test]
fn followed_symlinks_may_break_or_loop() {
    let dir = tree(&["t/a/f", "t/z"]);
    symlink("..", dir.path().join("t/a/up")).unwrap();
    symlink("gone", dir.path().join("t/broken")).unwrap();
    symlink("../t/a", dir.path().join("t/to a")).unwrap();
    let followed = run(dir.path(), &["-L", "t"]);
    assert_eq!(followed.code, Some(2));
    assert_eq!(
        followed.stderr.lines().collect::<Vec<_>>(),
        [
            "md5all: t/a/up: directory loop: same directory as \"t\"",
            "md5all: t/broken: cannot stat: No such file or directory",
            "md5all: t/to a/up: directory loop: same directory as \"t\"",
        ]
    );
    assert_eq!(followed.names(), ["t/a/f", "t/to a/f", "t/z"]);
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_goes_on() {
    let dir = tree(&["t/a", "t/locked/f", "t/secret", "t/z"]);
    let forbid = |name, mode| {
        let permissions = Permissions::from_mode(mode);
        fs::set_permissions(dir.path().join(name), permissions).unwrap();
    };
    forbid("t/secret", 0o000);
    forbid("t/locked", 0o000);
    let Some((_program, mut command)) = unprivileged(dir.path()) else {
        return;
    };
    let ended = finish(command.arg("t"));
    forbid("t/locked", 0o700);

    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.stderr,
        "md5all: t/locked: cannot open directory: Permission denied\n\
         md5all: t/secret: cannot open: Permission denied\n"
    );
    assert_eq!(ended.names(), ["t/a", "t/z"]);
}

#[test]
fn what_is_not_there_is_said_and_the_rest_goes_on() {
    let dir = tree(&["a", "b"]);
    let ended = run(dir.path(), &["b", "not\nthere", "a", "a/below"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.stderr,
        "md5all: a/below: cannot stat: Not a directory\n\
         md5all: $'not\\nthere': cannot stat: No such file or directory\n"
    );
    assert_eq!(ended.names(), ["a", "b"]);
}

#[test]
fn the_first_problem_is_the_only_one_with_fail_fast() {
    let dir = tree(&["a"]);
    let ended = run(dir.path(), &["--fail-fast", "gone", "gone too", "a"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.contains("No such file or directory"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_size_says_0_is_read_to_its_end() {
    let dir = tree(&[]);
    for path in ["/proc/version", "/proc/cpuinfo"] {
        let contents = fs::read(path).unwrap();
        assert_eq!(fs::metadata(path).unwrap().len(), 0);
        // Clock rates in it may change from one read to the next.
        let lines = run(dir.path(), &[path]).clean();
        assert_ne!(lines, format!("{}  {path}\n", md5(b"")));
        if path == "/proc/version" {
            assert_eq!(lines, format!("{}  {path}\n", md5(&contents)));
        }
    }
    let status = run(dir.path(), &["/proc/self/status"]).clean();
    assert_ne!(status, format!("{}  /proc/self/status\n", md5(b"")));
}

/// One that would take hours to read is cut short as soon as reading it began.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_changes_while_it_is_read_has_no_digest() {
    let dir = tree(&["t/a", "t/z"]);
    let huge = dir.path().join("t/huge");
    let file = endless(&huge);
    let child =
        md5all(dir.path()).args(["-j", "2", "t"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until_read(&child, &huge);
    file.set_len(10).unwrap();
    let ended = join(child);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr, "md5all: t/huge: file changed while it was read\n");
    assert_eq!(ended.names(), ["t/a", "t/z"]);
}

/// Returns once the process has read some of this file, the only large one there is: once it has it open and has read
/// more than all others hold.
#[cfg(target_os = "linux")]
pub(crate) fn wait_until_read(child: &Child, path: &Path) {
    let path = fs::canonicalize(path).unwrap();
    let process = Path::new("/proc").join(child.id().to_string());
    let deadline = Instant::now() + Duration::from_secs(60);
    while !(has_open(&process, &path) && bytes_read(&process) > 10 << 20) {
        assert!(Instant::now() < deadline, "{path:?} is never read");
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
fn has_open(process: &Path, path: &Path) -> bool {
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    // Any of them may be closed while we look.
    descriptors.into_iter().any(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|link| link == path))
}

#[cfg(target_os = "linux")]
fn bytes_read(process: &Path) -> u64 {
    let told = fs::read_to_string(process.join("io")).unwrap_or_default();
    told.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap_or(0)
}
