//! Output that cannot be written: one line, exit status 2, the old manifest as it was, nothing left behind.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::harness::*;
use crate::mounts::{Mounted, apart};

const FULL: &str = "cannot write: No space left on device";

/// Files whose lines need more room than a small file system has.
fn many() -> tempfile::TempDir {
    let dir = roomy();
    for index in 0..4_000 {
        let name = format!("t/{}/{index:0100}", index % 7);
        plant(dir.path(), OsStr::new(&name), b"x");
    }
    dir
}

/// Fills what is left of a file system, but for so many bytes or a little less.
fn fill(place: &Path, leave: usize) {
    fs::write(place.join("reserve"), vec![b'r'; leave]).unwrap();
    let error = io::copy(&mut io::repeat(b'x'), &mut File::create(place.join("filler")).unwrap()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    fs::remove_file(place.join("reserve")).unwrap();
}

fn check(small: &Path) {
    let dir = many();
    fs::write(small.join("old"), "old\n").unwrap();
    fill(small, 64 * 1024);
    let before = names_in(small);
    for name in ["old", "new"] {
        let manifest = small.join(name);
        let ended = run(dir.path(), &["-o", manifest.to_str().unwrap(), "t"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!(ended.stderr, format!("md5all: {}: {FULL}\n", manifest.display()));
        // What was finished is in the journal, for --resume.
        fs::remove_file(small.join(format!("{name}.journal"))).ok();
        assert_eq!(names_in(small), before);
        assert_eq!(fs::read(small.join("old")).unwrap(), b"old\n");
    }

    let stdout = File::create(small.join("redirected")).unwrap();
    let child = md5all(dir.path()).arg("t").stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    let ended = join(child);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr, format!("md5all: standard output: {FULL}\n"));
}

#[test]
fn a_memory_file_system_that_is_full() {
    apart(|| check(Mounted::memory(512 * 1024).path()));
}

/// A disk, where room is promised at once and given later.
#[test]
fn a_disk_that_is_full() {
    apart(|| {
        if let Some(disk) = Mounted::on_loop("ext4", 16) {
            check(disk.path());
        }
    });
}

/// As with `| head -n 1`: who reads has had enough, and knows.
#[test]
fn a_pipe_that_is_closed_after_a_line_ends_it_without_a_word() {
    let dir = many();
    let mut child = md5all(dir.path()).arg("t").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.len(), 34 + "t/0/".len() + 100 + 1);
    let ended = join(child);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""));
}
