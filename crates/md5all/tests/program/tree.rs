//! What goes in and what comes out, when nothing is wrong.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::{Mode, OFlags, mkdirat, openat};

use crate::harness::*;

/// Sizes around every boundary of the algorithm and the buffers, in an order
/// that has nothing to do with their names.
fn sizes() -> tempfile::TempDir {
    let dir = tree(&["a.b", "a/b", "a/.hidden", "a0", ".top", "b/c/d/e", "empty/x/y"]);
    let sizes = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 131_071, 131_072, 131_073, 700_001];
    for (index, size) in sizes.into_iter().enumerate() {
        let bytes: Vec<u8> = (0..size).map(|at| (at * 7 + index) as u8).collect();
        let name = format!("sizes/{}-{size}", 99 - index);
        plant(dir.path(), OsStr::new(&name), &bytes);
    }
    fs::create_dir(dir.path().join("nothing in it")).unwrap();
    dir
}

#[test]
fn lines_are_those_of_the_oracle_sorted_by_whole_paths() {
    let dir = sizes();
    for jobs in ["1", "2", "16"] {
        let lines = run(dir.path(), &["-j", jobs, "a", "a.b", "a0", "sizes", "b"]).clean();
        let roots = ["a.b", "a", "a0", "b", "sizes"];
        let expected: String = roots.map(|root| oracle(dir.path(), root)).concat();
        assert_eq!(lines, expected, "-j {jobs}");
    }
}

#[test]
fn without_a_path_it_is_the_working_directory() {
    let dir = sizes();
    let lines = run(dir.path(), &[]).clean();
    assert_eq!(lines, run(dir.path(), &["."]).clean());
    assert_eq!(lines.replace("  ./", "  "), oracle(dir.path(), ""));
}

#[test]
fn unordered_is_the_same_set() {
    let dir = sizes();
    let mut lines: Vec<_> =
        run(dir.path(), &["--unordered", "-j", "8", "sizes"]).clean().lines().map(|line| format!("{line}\n")).collect();
    lines.sort_by(|a, b| a[34..].cmp(&b[34..]));
    assert_eq!(lines.concat(), oracle(dir.path(), "sizes"));
}

/// More files than any queue or window holds.
#[test]
fn six_thousand_files_stay_in_order() {
    let dir = roomy();
    for index in 0..6_000 {
        let name = format!("t/{:02}/{index}", index % 37);
        plant(dir.path(), OsStr::new(&name), name.as_bytes());
    }
    assert_eq!(run(dir.path(), &["-j", "4", "t"]).clean(), oracle(dir.path(), "t"));
}

/// Every byte that a name can hold, alone and inside.
#[test]
fn names_of_every_byte_check_with_md5sum() {
    let dir = tempfile::tempdir().unwrap();
    for byte in (1..=255u8).filter(|byte| *byte != b'/') {
        let names = [vec![byte], vec![b'x', byte], vec![byte, b'x'], vec![b'\\', byte, b'n']];
        for name in names.iter().filter(|name| *name != b".") {
            plant(&dir.path().join("t"), OsStr::from_bytes(name), name);
        }
    }
    let files = fs::read_dir(dir.path().join("t")).unwrap().count();
    for flags in [&["t"][..], &["--tag", "t"], &["--unordered", "t"]] {
        let lines = run(dir.path(), flags);
        assert_eq!(lines.code, Some(0));
        let count = lines.stdout.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(count, files, "{flags:?}");
        fs::write(dir.path().join("list"), &lines.stdout).unwrap();
        check_with_md5sum(dir.path());
    }
}

fn check_with_md5sum(dir: &Path) {
    let Some(mut md5sum) = found("md5sum") else {
        return;
    };
    md5sum.current_dir(dir).args(["-c", "--quiet", "--strict", "list"]);
    assert_eq!(finish(&mut md5sum).clean(), "");
}

/// With `md5sum`'s own lines as the oracle of the escaping.
#[test]
fn lines_are_those_of_md5sum() {
    let dir = tree(&["plain", "back\\slash", "new\nline", "carriage\rreturn", "-dash", "*star"]);
    plant(dir.path(), OsStr::from_bytes(b"\xff\xfe"), b"not UTF-8");
    let names = ["*star", "-dash", "back\\slash", "carriage\rreturn", "new\nline", "plain"];
    for flags in [&[][..], &["--tag"], &["-z"], &["--tag", "-z"]] {
        let Some(mut md5sum) = found("md5sum") else {
            return;
        };
        let with = |command: &mut Command| {
            command.args(flags).arg("--").args(names).arg(OsStr::from_bytes(b"\xff\xfe"));
            finish(command.current_dir(&dir))
        };
        let theirs = with(&mut md5sum);
        let ours = with(&mut md5all(dir.path()));
        assert_eq!((ours.code, theirs.code), (Some(0), Some(0)));
        assert_eq!(ours.stdout, theirs.stdout, "{flags:?}");
    }
}

/// A path that no system call takes whole, and too many levels to recurse into
/// or to keep open.
#[test]
fn a_file_below_ten_thousand_directories_comes_out_right() {
    const DEPTH: usize = 10_000;
    let dir = roomy();
    bury(dir.path(), DEPTH);
    fs::write(dir.path().join("z"), "z").unwrap();

    let lines = run(dir.path(), &["."]);
    let deep = format!(".{}/file", "/d".repeat(DEPTH));
    let expected = format!("{}  {deep}\n{}  ./z\n", md5(b"deep"), md5(b"z"));
    // Not `remove_dir_all`, nor the directory's own drop, which recurse.
    let removed = Command::new("rm").arg("-rf").arg(dir.path().join("d")).status();

    assert!(lines.clean() == expected, "the path or the digest is another");
    assert!(removed.unwrap().success());
}

/// Writes `file` below `depth` directories, each made relative to the last.
fn bury(root: &Path, depth: usize) {
    let mut directory: OwnedFd = fs::File::open(root).unwrap().into();
    for _ in 0..depth {
        mkdirat(&directory, "d", Mode::RWXU).unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        directory = openat(&directory, "d", flags, Mode::empty()).unwrap();
    }
    let flags = OFlags::WRONLY | OFlags::CREATE;
    let file = openat(&directory, "file", flags, Mode::RUSR).unwrap();
    rustix::io::write(file, b"deep").unwrap();
}

/// Each entry in flight may hold another directory open.
#[test]
fn few_descriptors_are_enough() {
    let dir = roomy();
    for index in 0..600 {
        let name = format!("t/{index}/file");
        plant(dir.path(), OsStr::new(&name), name.as_bytes());
    }
    let mut shell = Command::new("sh");
    shell.current_dir(&dir).args(["-c", "ulimit -n 80; exec \"$0\" -j 4 t"]).arg(env!("CARGO_BIN_EXE_md5all"));
    assert_eq!(finish(&mut shell).clean(), oracle(dir.path(), "t"));
}
