//! What records say of files beside their contents: [`Options::facts`].

#![forbid(unsafe_code)]

use std::fs::{self, Metadata, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use errgroup::Context;
use md5all::{
    Algorithms, Digest, Facts, FileId, Hashed, Known, Links, Options, Outcome, Root, Skip, hash_files, hash_trees,
    md5_all,
};
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
    Options::new([root]).facts(true)
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
    let mut facts = Facts::NONE;
    facts.size = Some(metadata.len());
    facts.mtime_ns = Some(metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec());
    facts.ctime_ns = Some(metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec());
    facts.inode = Some(metadata.ino());
    facts
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
        assert_eq!(facts, as_said(&fs::metadata(&file).unwrap()).in_doubt());
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
    assert_eq!(facts_of(wanted(Root::StandardInput)), [("-".to_owned(), Facts::NONE)]);
}

/// What is known of all files below a directory, as of now.
fn known_of(dir: &Path) -> Known {
    let mut known = Known::new(Algorithms::default());
    for record in hash_trees(&Context::background(), wanted(dir)) {
        let record = record.unwrap();
        if let Outcome::Hashed(hashed) = record.outcome() {
            known.enter(record.path().as_os_str().as_bytes(), hashed);
        }
    }
    known
}

/// A made-up digest, so that a file that was not read can be told.
fn with_a_lie(dir: &Path) -> Arc<Known> {
    let mut lies = Known::new(Algorithms::default());
    for (name, facts) in facts_of(wanted(dir)) {
        lies.enter(dir.join(name).as_os_str().as_bytes(), &Hashed::new(Digest::from([7; 16])).with_facts(facts));
    }
    Arc::new(lies)
}

#[test]
fn what_is_known_is_not_read_again_as_long_as_all_facts_are_the_same() {
    type Edit = fn(&Path);
    let rows: [(&str, bool, Edit); 9] = [
        ("nothing", true, |_| ()),
        ("other contents of the same size, and the old time", false, |path| {
            let modified = fs::metadata(path).unwrap().modified().unwrap();
            fs::write(path, "b").unwrap();
            fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
        }),
        ("the same contents again", false, |path| fs::write(path, "a").unwrap()),
        ("another time", false, |path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }),
        ("another size", false, |path| fs::write(path, "aa").unwrap()),
        ("other permissions", false, |path| fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap()),
        ("another file in its place", false, |path| {
            fs::write(path.with_extension("new"), "a").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("away and back", false, |path| {
            fs::rename(path, path.with_extension("away")).unwrap();
            fs::rename(path.with_extension("away"), path).unwrap();
        }),
        ("a link in its place", false, |path| {
            fs::rename(path, path.with_extension("away")).unwrap();
            std::os::unix::fs::symlink("file.away", path).unwrap();
        }),
    ];
    for (what, is_taken, edit) in rows {
        let dir = punctual();
        let file = dir.path().join("file");
        fs::write(&file, "a").unwrap();
        settle(&file);
        let known = with_a_lie(dir.path());
        edit(&file);
        let options = wanted(dir.path()).known([Arc::clone(&known)]);
        let records: Vec<_> = hash_trees(&Context::background(), options).map(Result::unwrap).collect();
        let lies = records.iter().filter(
            |record| matches!(record.outcome(), Outcome::Hashed(hashed) if hashed.md5() == Some(Digest::from([7; 16]))),
        );
        assert_eq!(lies.count(), usize::from(is_taken), "{what}");
        assert_eq!(known.taken_over(), u64::from(is_taken), "{what}");
    }
}

/// Restores everything but the change time, within the same tick as the hashing or not: no run believes what it should not.
#[test]
fn a_change_within_the_tick_of_the_hashing_is_never_missed() {
    let dir = punctual();
    let file = dir.path().join("file");
    for round in 0..300_u32 {
        fs::write(&file, format!("{round:04}a")).unwrap();
        let modified = fs::metadata(&file).unwrap().modified().unwrap();
        let known = Arc::new(known_of(dir.path()));
        fs::write(&file, format!("{round:04}b")).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
        let options = wanted(dir.path()).known([known]);
        let record = hash_trees(&Context::background(), options).next().unwrap().unwrap();
        let expected = md5_all(&Context::background(), &file).unwrap()[&file];
        assert!(matches!(record.outcome(), Outcome::Hashed(hashed) if hashed.md5() == Some(expected)), "round {round}");
    }
}

#[test]
fn what_is_known_may_be_excluded_and_may_be_followed() {
    let dir = punctual();
    let file = dir.path().join("file");
    fs::write(&file, "a").unwrap();
    settle(&file);
    let known = with_a_lie(dir.path());
    let exclude = vec![FileId::from(&fs::metadata(&file).unwrap())];
    let options = wanted(dir.path()).known([Arc::clone(&known)]).exclude(exclude);
    let record = hash_trees(&Context::background(), options).next().unwrap().unwrap();
    assert!(matches!(record.outcome(), Outcome::Skipped(Skip::Excluded)));

    for links in [Links::Skip, Links::Follow] {
        let options = wanted(dir.path()).known([Arc::clone(&known)]).links(links).unordered(true);
        assert_eq!(facts_of(options).len(), 1);
    }
    assert_eq!(known.taken_over(), 2);
}
