//! Somebody else in the process takes the descriptors while trees are hashed.
//!
//! A test program of its own, for the limit is the whole process's.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::Path;

use errgroup::Context;
use md5all::{Devices, Mode, Options, Outcome, hash_trees};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files a tree.
const FILES: usize = 600;

/// A file or two in each of many directories, nested here and there, some of them larger than a buffer.
fn plant(root: &Path) {
    for index in 0..FILES {
        let dir = root.join(format!("{}/{}/{}", index % 5, index % 11, index / 2));
        fs::create_dir_all(&dir).unwrap();
        let size = if index % 50 == 0 { 200_000 } else { index };
        fs::write(dir.join(index.to_string()), vec![index as u8; size]).unwrap();
    }
}

/// All descriptors but a few.
fn take_most() -> Vec<File> {
    const LEFT: u64 = 3;
    let null = File::open("/dev/null").unwrap();
    let limit = getrlimit(Resource::Nofile).current.unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap().count() as u64 - 1;
    let mut taken: Vec<_> = (open + LEFT..limit).map_while(|_| null.try_clone().ok()).collect();
    taken.push(null);
    taken
}

/// Hashes the tree while most descriptors are gone, from the record with this number on, for so many records.
fn hash(root: &Path, devices: Devices, from: usize, during: usize) -> Vec<String> {
    let jobs = NonZeroUsize::new(2).unwrap();
    let records = hash_trees(&Context::background(), Options { devices, jobs, ..Options::new([root]) });
    let mut taken = Vec::new();
    let mut lines = Vec::new();
    for (number, record) in records.enumerate() {
        if number == from {
            taken = take_most();
        }
        if number == from + during {
            taken.clear();
        }
        let record = record.unwrap();
        lines.push(match record.outcome() {
            Outcome::Hashed(hashed) => format!("{}  {}", hashed.md5().unwrap(), record.path().display()),
            outcome => panic!("{}: {outcome:?}", record.path().display()),
        });
    }
    lines
}

#[test]
fn what_others_take_is_waited_for_and_done_without() {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    plant(dir.path());
    let whole = hash(dir.path(), Devices::default(), FILES, 0);
    assert_eq!(whole.len(), FILES);

    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).unwrap();
    for (from, during) in [(0, FILES), (0, 100), (1, 5), (50, 200), (100, FILES), (300, 50)] {
        for mode in [None, Some(Mode::Net)] {
            let lines = hash(dir.path(), Devices::new(mode, None), from, during);
            assert!(lines == whole, "{mode:?}: from {from} on for {during}");
        }
    }
    setrlimit(Resource::Nofile, limit).unwrap();
}
