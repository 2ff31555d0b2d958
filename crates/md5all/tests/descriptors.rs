//! Somebody else in the process takes the descriptors while trees are hashed.
//!
//! A test program of its own, for the limit is the whole process's.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// All descriptors but so many.
fn take_all_but(left: u64) -> Vec<File> {
    let Ok(null) = File::open("/dev/null") else { return Vec::new() }; // they are taken
    let limit = getrlimit(Resource::Nofile).current.unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap().count() as u64 - 1;
    let mut taken: Vec<_> = (open + left..limit).map_while(|_| null.try_clone().ok()).collect();
    taken.push(null);
    taken
}

/// Hashes the tree while all descriptors but so many are gone, from the record with this number on, for so many records.
fn hash(root: &Path, devices: Devices, left: u64, from: usize, during: usize) -> Vec<String> {
    let jobs = NonZeroUsize::new(2).unwrap();
    let records = hash_trees(&Context::background(), Options::new([root]).devices(devices).jobs(jobs));
    let mut taken = Vec::new();
    let mut lines = Vec::new();
    for (number, record) in records.enumerate() {
        if number == from {
            taken = take_all_but(left);
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

/// Held by a test: descriptors and their limit are the whole process's.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs while the process may have few descriptors.
fn limited(test: impl FnOnce()) {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).unwrap();
    test();
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Each file is read in several parts by one reader, which must not wait for a descriptor while what was begun, and
/// holds one, waits for the reader.
#[test]
fn files_that_were_begun_do_not_wait_for_those_that_want_to_be() {
    let _alone = alone();
    // Not in memory: what lies there is never waited for.
    let dir = tempfile::tempdir().unwrap();
    (0..100).for_each(|index| fs::write(dir.path().join(index.to_string()), vec![index as u8; 300_000]).unwrap());
    let far = || Devices::new(Some(Mode::Net), NonZeroUsize::new(1));
    let whole = hash(dir.path(), far(), 0, 100, 0);
    assert_eq!(whole.len(), 100);
    limited(|| {
        for left in [0, 1] {
            for from in [0, 50] {
                let lines = hash(dir.path(), far(), left, from, 100);
                assert!(lines == whole, "from {from} on with {left}");
            }
        }
    });
}

#[test]
fn what_others_take_is_waited_for_and_done_without() {
    let _alone = alone();
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    plant(dir.path());
    let whole = hash(dir.path(), Devices::default(), 3, FILES, 0);
    assert_eq!(whole.len(), FILES);
    limited(|| {
        for (from, during) in [(0, FILES), (0, 100), (1, 5), (50, 200), (100, FILES), (300, 50)] {
            for mode in [None, Some(Mode::Net)] {
                let lines = hash(dir.path(), Devices::new(mode, None), 3, from, during);
                assert!(lines == whole, "{mode:?}: from {from} on for {during}");
            }
        }
    });
}
