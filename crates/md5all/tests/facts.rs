//! What records say of files beside their contents: [`Options::facts`].

#![forbid(unsafe_code)]

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use errgroup::Context;
use md5all::{Facts, Options, Outcome, Root, hash_files, hash_trees};
use tempfile::TempDir;

/// Where times are fine and this machine's, so that a tenth of a second is enough.
fn punctual() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap()
}

/// Until a change would be stamped with another time than the last one to this file.
fn settle(path: &Path) {
    let changed = fs::metadata(path).unwrap();
    let changed = Duration::new(changed.ctime() as u64, changed.ctime_nsec() as u32);
    while SystemTime::UNIX_EPOCH + changed + Duration::from_millis(120) > SystemTime::now() {
        thread::yield_now();
    }
}

fn wanted(root: impl Into<Root>) -> Options {
    Options { facts: true, ..Options::new([root]) }
}

fn facts_of(options: Options) -> Vec<(String, Facts)> {
    let facts = hash_trees(&Context::background(), options).filter_map(|record| {
        let record = record.unwrap();
        let Outcome::Hashed(hashed) = record.outcome() else { return None };
        Some((record.path().file_name()?.to_str()?.to_owned(), hashed.facts()))
    });
    facts.collect()
}

fn as_said(metadata: &Metadata) -> Facts {
    Facts {
        size: Some(metadata.len()),
        mtime_ns: Some(metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec()),
        ctime_ns: Some(metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec()),
        inode: Some(metadata.ino()),
    }
}

/// Files that take each way through the readers: none and all in one look, one in several pieces, one with two names.
#[test]
fn what_the_file_system_says_is_told_if_it_is_asked_for() {
    let dir = punctual();
    for (name, size) in [("empty", 0), ("small", 10), ("large", 1 << 20), ("twice", 7)] {
        fs::write(dir.path().join(name), vec![b'x'; size]).unwrap();
    }
    fs::hard_link(dir.path().join("twice"), dir.path().join("twice too")).unwrap();
    settle(&dir.path().join("twice"));

    let facts = facts_of(wanted(dir.path()));
    assert_eq!(facts.len(), 5);
    for (name, facts) in facts {
        assert_eq!(facts, as_said(&fs::metadata(dir.path().join(&name)).unwrap()), "{name}");
    }
    for (name, facts) in facts_of(Options::new([dir.path()])) {
        assert_eq!(facts, Facts::NONE, "{name}");
    }
}

#[test]
fn a_file_that_was_just_changed_has_no_change_time() {
    let dir = punctual();
    let file = dir.path().join("new");
    fs::write(&file, "x").unwrap();
    let before = SystemTime::now();
    let facts = facts_of(wanted(dir.path())).remove(0).1;
    if before.elapsed().unwrap() < Duration::from_millis(50) {
        assert_eq!(facts, Facts { ctime_ns: None, ..as_said(&fs::metadata(&file).unwrap()) });
    }
    settle(&file);
    assert_eq!(facts_of(wanted(dir.path())).remove(0).1, as_said(&fs::metadata(&file).unwrap()));

    // A time of modification that is still to come: who knows what it will be set to.
    let later = SystemTime::now() + Duration::from_secs(3600);
    fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    settle(&file);
    assert_eq!(facts_of(wanted(dir.path())).remove(0).1.ctime_ns, None);
}

#[test]
fn what_is_no_file_on_a_disk_has_no_facts() {
    let named = |root: &str| {
        let record = hash_files(&Context::background(), wanted(root)).next().unwrap().unwrap();
        match record.outcome() {
            Outcome::Hashed(hashed) => hashed.facts(),
            other => panic!("{root}: {other:?}"),
        }
    };
    assert_eq!(named("/dev/null"), Facts::NONE);
    assert_eq!(named("/proc/self/status"), Facts::NONE);
    assert_eq!(named("/proc/sys/kernel/ostype"), Facts::NONE);
    assert_eq!(
        facts_of(Options { facts: true, ..Options::new([Root::StandardInput]) }),
        [("-".to_owned(), Facts::NONE)]
    );
}
