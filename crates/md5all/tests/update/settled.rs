//! Trees old enough to be trusted: a change to them would be stamped with another time.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::harness::{plant, run};

/// Waits until nothing below `dir` was changed within the last tick.
pub(crate) fn settle(dir: &Path) {
    let changed = walkdir::WalkDir::new(dir).into_iter().filter_map(|entry| {
        let metadata = fs::symlink_metadata(entry.ok()?.path()).ok()?;
        Some(Duration::new(metadata.ctime() as u64, metadata.ctime_nsec() as u32))
    });
    let last = changed.max().expect("there is the directory itself");
    while SystemTime::UNIX_EPOCH + last + Duration::from_millis(120) > SystemTime::now() {
        thread::yield_now();
    }
}

/// Writes to a file and sets the time back, as some do who want nobody to notice.
pub(crate) fn contents_but_not_time(path: &Path, contents: &str) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, contents).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

/// A tree `t` with these files, each with its own name in it, and a manifest of it, `list`, with a sidecar.
pub(crate) fn kept(files: &[&str]) -> TempDir {
    let dir = in_memory();
    for file in files {
        plant(dir.path(), file.as_ref(), file.as_bytes());
    }
    settle(dir.path());
    assert_eq!(run(dir.path(), &["-o", "list", "--facts", "t"]).clean(), "");
    dir
}

/// Where times are fine.
pub(crate) fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").expect("a directory in memory")
}

pub(crate) fn list(dir: &Path) -> String {
    fs::read_to_string(dir.join("list")).expect("there is a manifest")
}

pub(crate) fn sidecar(dir: &Path) -> String {
    fs::read_to_string(dir.join("list.facts")).expect("there is a sidecar")
}
