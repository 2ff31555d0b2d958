//! What whoever looks on is told of a run: the numbers at its end, what is in flight meanwhile, and how much there is in all.
//!
//! A run is held by a FIFO that nobody writes to, or by a file so large that it takes for ever.

#![forbid(unsafe_code)]

#[allow(dead_code, reason = "shared with the program's tests, each of which uses a part")]
#[path = "program/harness.rs"]
mod harness;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::num::{NonZeroU32, NonZeroUsize};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{TryRecvError, channel};
use std::time::{Duration, Instant, SystemTime};

use errgroup::Context;
use harness::{NEVER, fifo, open_writer, until};
use md5all::manifest::Format;
use md5all::{
    Algorithms, Devices, FileId, Known, Links, Mode, Options, Outcome, Progress, Selection, Snapshot, Whole,
    check_lists, hash_files, hash_trees,
};
use tempfile::TempDir;

/// What takes for ever to be hashed.
const ENDLESS: u64 = 1 << 40;

/// Where change times are exact.
fn punctual() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Files of all sorts: small, large, with a hole, of two names; what is passed over; and beside the tree a file, and a
/// FIFO to be read.
fn place() -> TempDir {
    let dir = punctual();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("tree/.git/deep")).unwrap();
    fs::create_dir_all(at("tree/sub/sub")).unwrap();
    for (name, bytes) in [
        ("lone", 5),
        ("tree/empty", 0),
        ("tree/small", 3),
        ("tree/.hidden", 10),
        ("tree/.git/deep/config", 20),
        ("tree/sub/large", 100_000),
        ("tree/sub/log.txt", 64),
        ("tree/sub/sub/huge", 400_000),
    ] {
        fs::write(at(name), vec![b'x'; bytes]).unwrap();
    }
    fs::write(at("tree/.gitignore"), "*.txt\n").unwrap();
    File::create(at("tree/sub/hole")).unwrap().set_len(1 << 18).unwrap();
    fs::hard_link(at("tree/sub/large"), at("tree/another name")).unwrap();
    symlink("small", at("tree/link")).unwrap();
    fifo(&at("tree/passed"));
    fifo(&at("held"));
    dir
}

/// How many regular files there are below a directory, and how many bytes are in them, made the slow and obvious way.
fn oracle(root: &Path) -> (u64, u64) {
    let mut met = HashSet::new();
    let files = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files.map(|file| file.metadata().unwrap()).fold((0, 0), |(files, bytes), found| {
        let is_new = met.insert((found.dev(), found.ino()));
        (files + 1, bytes + if is_new { found.len() } else { 0 })
    })
}

fn numbers(so_far: &Snapshot) -> [u64; 5] {
    [so_far.files, so_far.bytes, so_far.spared, so_far.failed, so_far.skipped]
}

#[test]
fn at_the_end_all_is_counted_once_however_it_is_read() {
    let dir = place();
    let tree = dir.path().join("tree");
    let (files, bytes) = oracle(&tree);
    let (excluded, gone) = (tree.join("small"), dir.path().join("gone"));
    let exclude = FileId::from(&fs::metadata(&excluded).unwrap());
    for mode in [None].into_iter().chain(Mode::ALL.map(Some)) {
        for (jobs, unordered) in [(1, false), (2, true), (5, false)] {
            let progress = Progress::new();
            let options = Options::new([&tree, &gone])
                .devices(Devices::new(mode, None))
                .jobs(NonZeroUsize::new(jobs).unwrap())
                .unordered(unordered)
                .exclude([exclude])
                .progress(progress.clone());
            hash_trees(&Context::background(), options).for_each(|record| drop(record.unwrap()));
            let so_far = progress.snapshot();
            // Passed over is the FIFO; what is excluded was never to be read.
            assert_eq!(numbers(&so_far), [files - 1, bytes - 3, 0, 1, 1], "{mode:?}, {jobs} jobs");
            assert!(so_far.in_flight.is_empty() && so_far.whole.is_none(), "{so_far:?}");
        }
    }
}

#[test]
fn what_a_selection_leaves_out_is_not_counted() {
    let dir = place();
    let progress = Progress::new();
    let selection = Selection::default().no_hidden(true).min_size(Some(1)).exclude(["sub/sub/"]).unwrap();
    let options = Options::new([dir.path().join("tree")]).selection(selection).progress(progress.clone());
    hash_trees(&Context::background(), options).for_each(|record| drop(record.unwrap()));
    // small, large under two names, log.txt and hole.
    assert_eq!(numbers(&progress.snapshot()), [5, 3 + 100_000 + 64 + (1 << 18), 0, 0, 1]);
}

#[test]
fn a_handle_that_is_given_to_several_runs_adds_up() {
    let dir = place();
    let progress = Progress::new();
    for round in 1..=3 {
        let options = Options::new([dir.path().join("lone")]).progress(progress.clone());
        hash_trees(&Context::background(), options).for_each(|record| drop(record.unwrap()));
        assert_eq!(numbers(&progress.snapshot()), [round, 5 * round, 0, 0, 0]);
    }
}

/// Until a change would be stamped with another time than the last one to this file.
fn settle(path: &Path) {
    let changed = fs::metadata(path).unwrap();
    let changed = Duration::new(changed.ctime() as u64, changed.ctime_nsec() as u32);
    until(|| (SystemTime::UNIX_EPOCH + changed + Duration::from_millis(120) < SystemTime::now()).then_some(()));
}

/// What is known of all files that these options lead to.
fn known(options: Options) -> Arc<Known> {
    let mut known = Known::new(Algorithms::default());
    for record in hash_trees(&Context::background(), options) {
        let record = record.unwrap();
        if let Outcome::Hashed(hashed) = record.outcome() {
            known.enter(record.path().as_os_str().as_bytes(), hashed);
        }
    }
    Arc::new(known)
}

#[test]
fn what_is_known_is_spared_and_what_has_changed_is_not() {
    let dir = punctual();
    for (name, bytes) in [("a", 100), ("b", 20), ("c", 3)] {
        fs::write(dir.path().join(name), vec![b'x'; bytes]).unwrap();
    }
    settle(&dir.path().join("c"));
    let options = || Options::new([dir.path()]).facts(true);
    let known = known(options());
    fs::write(dir.path().join("b"), "other").unwrap();
    let progress = Progress::new();
    let options = options().known([Arc::clone(&known)]).progress(progress.clone());
    hash_trees(&Context::background(), options).for_each(|record| drop(record.unwrap()));
    assert_eq!((numbers(&progress.snapshot()), known.taken_over()), ([3, 5, 103, 0, 0], 2));
}

#[test]
fn what_is_held_up_is_named_with_what_was_read_of_it() {
    let dir = place();
    let (lone, held) = (dir.path().join("lone"), dir.path().join("held"));
    let progress = Progress::new();
    let options = Options::new([&lone, &held]).progress(progress.clone());
    let records = hash_files(&Context::background(), options);
    let opened = until(|| progress.snapshot().in_flight.pop());
    assert_eq!((&opened.path, opened.bytes, opened.size), (&held, 0, None), "while it is opened");
    let mut writer = open_writer(&held);
    for count in 1..=3 {
        writer.write_all(&[b'x'; 1000]).unwrap();
        let read = until(|| progress.snapshot().in_flight.pop().filter(|file| file.bytes == 1000 * count));
        assert_eq!((&read.path, read.size), (&held, None), "a FIFO has no size");
    }
    drop(writer);
    records.for_each(|record| drop(record.unwrap()));
    assert_eq!(numbers(&progress.snapshot()), [2, 3005, 0, 0, 0]);
    assert!(progress.snapshot().in_flight.is_empty());
}

/// A run over one file that takes for ever, and what it tells.
fn endless() -> (TempDir, PathBuf, Progress, impl Iterator) {
    let dir = punctual();
    let path = dir.path().join("endless");
    File::create(&path).unwrap().set_len(ENDLESS).unwrap();
    let progress = Progress::new();
    let records = hash_trees(&Context::background(), Options::new([dir.path()]).progress(progress.clone()));
    (dir, path, progress, records)
}

#[test]
fn a_large_file_comes_nearer_to_its_size() {
    let (_dir, path, progress, records) = endless();
    let first = until(|| progress.snapshot().in_flight.pop());
    assert_eq!((first.path, first.size), (path, Some(ENDLESS)));
    until(|| {
        progress.snapshot().in_flight.pop().filter(|file| file.bytes > first.bytes && file.elapsed > first.elapsed)
    });
    drop(records);
    assert!(progress.snapshot().in_flight.is_empty(), "what was given up is not in flight");
}

#[test]
fn whoever_looks_on_is_called_until_the_ticker_is_dropped() {
    let (calls, called) = channel();
    let progress = Progress::new();
    let ticker = progress.every(Duration::from_millis(1), move |so_far| calls.send(so_far.elapsed).unwrap());
    let (first, second) = (called.recv().unwrap(), called.recv().unwrap());
    assert!(first < second);
    drop(ticker);
    while called.try_recv().is_ok() {}
    assert_eq!(called.try_recv(), Err(TryRecvError::Disconnected), "nobody is left to call");
}

#[test]
fn a_ticker_may_be_dropped_at_any_time() {
    for _ in 0..1000 {
        drop(Progress::new().every(Duration::from_nanos(1), |_| ()));
    }
    let begun = Instant::now();
    drop(Progress::new().every(Duration::from_secs(3600), |_| ()));
    assert!(begun.elapsed() < NEVER, "it waited for the next call");
}

#[test]
fn a_ticker_keeps_no_run_alive() {
    let (_dir, _, progress, records) = endless();
    let (calls, called) = channel();
    let ticker = progress.every(Duration::from_millis(1), move |so_far| calls.send(so_far.in_flight.len()).unwrap());
    until(|| called.recv().ok().filter(|files| *files == 1));
    drop(records);
    until(|| called.recv().ok().filter(|files| *files == 0));
    drop(ticker);
}

/// This test starts itself, with a ticker that nobody drops.
#[test]
fn a_ticker_keeps_no_process_alive() {
    const FORGETS: &str = "MD5ALL_TEST_FORGETS";
    if std::env::var_os(FORGETS).is_some() {
        return std::mem::forget(Progress::new().every(Duration::from_millis(1), |_| ()));
    }
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself.args(["--exact", "a_ticker_keeps_no_process_alive"]).env(FORGETS, "").stdout(Stdio::null());
    let mut child = itself.spawn().unwrap();
    let status = until(|| child.try_wait().unwrap());
    assert!(status.success());
}

/// Checks that a run, which is held by a FIFO, comes to what was counted meanwhile.
#[track_caller]
fn check_whole<T>(what: &str, dir: &Path, run: impl FnOnce(Progress) -> T)
where
    T: Iterator,
{
    let progress = Progress::new();
    let records = run(progress.clone());
    assert_eq!(progress.snapshot().whole, None, "{what}: nobody has asked");
    progress.count_all();
    let whole = until(|| progress.snapshot().whole);
    drop(open_writer(&dir.join("held")));
    records.for_each(drop);
    let so_far = progress.snapshot();
    let Whole { files, bytes, .. } = whole;
    assert_eq!((files, bytes), (so_far.files + so_far.failed, so_far.bytes + so_far.spared), "{what}");
    assert_eq!(so_far.whole, Some(whole), "{what}");
}

#[test]
fn what_is_counted_in_all_is_what_is_hashed_in_the_end() {
    type Selecting = fn(Selection) -> Selection;
    let rows: [(&str, Selecting); 11] = [
        ("all", |all| all),
        ("a glob", |all| all.exclude(["sub/large"]).unwrap()),
        ("a directory", |all| all.exclude(["sub/"]).unwrap()),
        ("one kind", |all| all.include(["*.txt"]).unwrap()),
        ("nothing hidden", |all| all.no_hidden(true)),
        (".gitignore", |all| all.gitignore(true)),
        ("depth", |all| all.max_depth(NonZeroU32::new(2))),
        ("at least", |all| all.min_size(Some(20))),
        ("at most", |all| all.max_size(Some(64))),
        ("from to", |all| all.min_size(Some(10)).max_size(Some(300_000))),
        ("names and sizes", |all| all.no_hidden(true).max_size(Some(4))),
    ];
    let dir = place();
    let at = |name: &str| dir.path().join(name);
    let exclude = FileId::from(&fs::metadata(at("tree/small")).unwrap());
    for (what, select) in rows {
        for links in [Links::Skip, Links::Follow] {
            let roots = ["tree", "lone", "gone", "held"].map(at);
            let options = Options::new(roots).links(links).selection(select(Selection::default())).exclude([exclude]);
            check_whole(what, dir.path(), |progress| hash_trees(&Context::background(), options.progress(progress)));
        }
    }
}

#[test]
fn what_is_named_is_counted_as_often_as_it_is_named() {
    let dir = place();
    let names = ["lone", "tree/small", "lone", "gone", "held", "tree"].map(|name| dir.path().join(name));
    check_whole("names", dir.path(), |progress| {
        hash_files(&Context::background(), Options::new(names.clone()).progress(progress))
    });
    let lines = names.map(|name| format!("d41d8cd98f00b204e9800998ecf8427e  {}\n", name.display()));
    fs::write(dir.path().join("list"), lines.concat() + "malformed\n").unwrap();
    check_whole("a list", dir.path(), |progress| {
        let options = Options::new([dir.path().join("list")]).progress(progress);
        check_lists(&Context::background(), Format::Gnu, options)
    });
}

/// What was done before is part of it.
#[test]
fn a_second_run_is_counted_on_top_of_the_first() {
    let dir = place();
    check_whole("two runs", dir.path(), |progress| {
        let options = || Options::new(["tree", "held"].map(|name| dir.path().join(name))).progress(progress.clone());
        let first = hash_trees(&Context::background(), options().roots([dir.path().join("tree/sub")]));
        first.for_each(|record| drop(record.unwrap()));
        hash_trees(&Context::background(), options())
    });
}

#[test]
fn it_may_be_asked_for_before_there_is_a_run() {
    let dir = place();
    let progress = Progress::new();
    progress.count_all();
    assert_eq!(progress.snapshot().whole, None, "there is nothing to count");
    let options = Options::new(["lone", "held"].map(|name| dir.path().join(name))).progress(progress.clone());
    let records = hash_trees(&Context::background(), options);
    let whole = until(|| progress.snapshot().whole);
    assert_eq!((whole.files, whole.bytes), (2, 5));
    drop(open_writer(&dir.path().join("held")));
    assert_eq!(records.count(), 2);
}
