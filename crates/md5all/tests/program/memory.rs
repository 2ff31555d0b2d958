//! A ceiling on memory holds, however many files there are and however large.
//!
//! The peak is read while the program waits for a FIFO that comes last, so that all the rest is done by then.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use tempfile::TempDir;

use crate::harness::*;

const CEILINGS: [usize; 3] = [16, 32, 64];

/// What comes first, and what comes last.
const FIRST: &str = "!first";
const LAST: &str = "~last";

/// A tree that `plant` makes in `t`, and the FIFO that comes after it.
fn with_last(plant: impl FnOnce(&Path)) -> TempDir {
    let dir = roomy();
    plant(&dir.path().join("t"));
    fifo(&dir.path().join(LAST));
    dir
}

fn many(root: &Path, directories: usize, files: usize) {
    for directory in 0..directories {
        let path = root.join(directory.to_string());
        fs::create_dir_all(&path).unwrap();
        for file in 0..files {
            File::create(path.join(format!("{file:04} with a name of a usual length"))).unwrap();
        }
    }
}

/// The code of a program as users have it, in KiB.
const CODE: usize = 4608;

/// The most memory it has had so far, in KiB. Of the code of a program that is built for tests, so much is counted as
/// users' programs have: it is three times as large, and no ceiling can know that.
fn peak(child: &Child) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let read = |field| -> usize {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let excess = if cfg!(debug_assertions) { read("RssFile:").saturating_sub(CODE) } else { 0 };
    read("VmHWM:") - excess
}

/// Runs it over `t` until `lines` are there, and gives the peak in KiB.
fn peak_of(dir: &TempDir, flags: &[&str], lines: usize) -> usize {
    let at_first = dir.path().join(FIRST);
    let first = at_first.exists().then_some(FIRST);
    let mut child = md5all(dir.path())
        .args(flags)
        .args(first)
        .args(["t", LAST])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    if first.is_some() {
        // Everything that may overtake it has: nothing moves any more.
        let writer = open_writer(&at_first);
        wait_until_still(&child);
        drop(writer);
    }
    let mut read = BufReader::new(child.stdout.take().unwrap());
    let mut line = Vec::new();
    for number in 0..lines + first.iter().len() {
        line.clear();
        assert!(read.read_until(b'\n', &mut line).unwrap() > 0, "{number} of {lines} lines");
    }
    let peak = peak(&child);
    drop(open_writer(&dir.path().join(LAST)));
    let mut rest = String::new();
    read.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.lines().count(), 1);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    peak
}

/// Returns once all its threads have slept at the same moment, but for the one that does nothing else than to look in
/// every now and then. Only how hard the test is depends on that: too early, and the peak is lower than it would become.
fn wait_until_still(child: &Child) {
    /// What a thread is at, how long it has run, and how often: if none of that has changed, it slept all the while.
    fn threads(child: &Child) -> Vec<(bool, String)> {
        let threads = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap().flatten();
        let read = |path: &Path, name| fs::read_to_string(path.join(name)).unwrap_or_default();
        let workers = threads.map(|thread| thread.path()).filter(|path| !read(path, "comm").contains("monito"));
        workers.map(|path| (read(&path, "stat").contains(") S "), read(&path, "schedstat"))).collect()
    }
    let mut last = threads(child);
    loop {
        let now = threads(child);
        if now == last && now.iter().all(|(sleeps, _)| *sleeps) {
            return;
        }
        last = now;
        std::thread::yield_now();
    }
}

/// Each ceiling, with so many KiB more for what no ceiling holds.
fn check(dir: &TempDir, flags: &[&str], lines: usize, more: usize) {
    for ceiling in CEILINGS {
        let size = format!("{ceiling}M");
        let peak = peak_of(dir, &[&["--memory", &size], flags].concat(), lines);
        assert!(peak <= ceiling * 1024 + more, "{peak} KiB with {size} and {flags:?}");
    }
}

#[test]
fn many_small_files_take_no_more() {
    let dir = with_last(|root| many(root, 400, 50));
    check(&dir, &[], 20_000, 0);
    check(&dir, &["-j", "64", "--io", "net", "--io-depth", "1024"], 20_000, 0);
}

/// It keeps the window full, with paths in many directories.
#[test]
fn a_slow_first_file_takes_no_more() {
    let dir = with_last(|root| many(root, 400, 100));
    fifo(&dir.path().join(FIRST));
    check(&dir, &[], 40_000, 0);
}

#[test]
fn large_files_take_no_more() {
    let dir = with_last(|root| {
        for file in 0..64 {
            plant(root, OsStr::new(&file.to_string()), b"");
            File::options().write(true).open(root.join(file.to_string())).unwrap().set_len(256 << 10).unwrap();
        }
        File::create(root.join("larger")).unwrap().set_len(4 << 20).unwrap();
    });
    check(&dir, &[], 65, 0);
    check(&dir, &["-j", "32"], 65, 0);
}

#[test]
fn ten_thousand_levels_take_no_more() {
    const LEVELS: usize = 10_000;
    let dir = with_last(|root| {
        fs::create_dir(root).unwrap();
        let mut at: OwnedFd = File::open(root).unwrap().into();
        for _ in 0..LEVELS {
            mkdirat(&at, "d", Mode::from_raw_mode(0o700)).unwrap();
            at = openat(&at, "d", OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
        }
        openat(&at, "z", OFlags::CREATE | OFlags::WRONLY, Mode::from_raw_mode(0o600)).map(drop).unwrap();
    });
    check(&dir, &[], 1, 0);
    remove_deep(dir);
}

/// The names in one directory, which no ceiling holds: 24 bytes and the name each, and what growing takes in advance.
#[test]
fn one_directory_takes_its_names_more() {
    const NAMES: usize = 100_000;
    let dir = with_last(|root| many(root, 1, NAMES));
    let length = 4 + " with a name of a usual length".len() + 2;
    check(&dir, &[], NAMES, NAMES * 2 * (24 + length) / 1024);
}

#[test]
fn too_little_is_a_usage_error_that_says_how_much_works() {
    let dir = tree(&["a"]);
    let ended = run(dir.path(), &["--memory", "1M", "a"]);
    assert_eq!((ended.code, ended.stdout.len()), (Some(3), 0));
    assert!(ended.stderr.contains("the least that works is 8192K"), "{}", ended.stderr);
    assert_eq!(run(dir.path(), &["--memory", "8192K", "a"]).names(), ["a"]);
}

/// The library that made the directory removes it by whole paths, which are too long here.
fn remove_deep(dir: TempDir) {
    let root = dir.path().join("t");
    let aside = dir.path().join("aside");
    loop {
        match fs::rename(root.join("d"), &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => panic!("{error}"),
        }
        fs::remove_dir(&root).unwrap();
        fs::rename(&aside, &root).unwrap();
    }
}
