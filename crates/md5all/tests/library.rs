//! The library's contract: a map from path to digest, or the first error; a manifest kept up to date; and nothing of the
//! program's among what it depends on.

#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use errgroup::Context;
use md5all::manifest::{Format, Layout, LineEnd, Reader, Writer};
use md5all::{Devices, Error, FileId, Inventory, Links, Mode, Operation, Options, Outcome, Reason, Replacement, Skip};
use md5all::{hash_trees, md5_all, update};
use tempfile::TempDir;

fn tree() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    for name in ["abc", "sub/empty", ".hidden"] {
        let contents = if name == "abc" { "abc" } else { "" };
        fs::write(dir.path().join(name), contents).unwrap();
    }
    symlink("abc", dir.path().join("link")).unwrap();
    dir
}

/// More files than can be on their way at one time.
fn crowd() -> TempDir {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    for index in 0..6_000 {
        fs::write(dir.path().join(index.to_string()), "").unwrap();
    }
    dir
}

#[test]
fn a_map_from_path_to_digest_ordered_as_paths_are() {
    let dir = tree();
    let digests = md5_all(&Context::background(), dir.path()).unwrap();
    let found: Vec<_> =
        digests.iter().map(|(path, digest)| (path.strip_prefix(&dir).unwrap(), digest.to_string())).collect();
    let empty = "d41d8cd98f00b204e9800998ecf8427e";
    assert_eq!(
        found,
        [
            (Path::new(".hidden"), empty.to_owned()),
            (Path::new("abc"), "900150983cd24fb0d6963f7d28e17f72".to_owned()),
            (Path::new("sub/empty"), empty.to_owned()),
        ]
    );
}

#[test]
fn a_root_may_be_a_file_or_a_link() {
    let dir = tree();
    for name in ["abc", "link"] {
        let root = dir.path().join(name);
        let digests = md5_all(&Context::background(), &root).unwrap();
        assert_eq!(digests.keys().collect::<Vec<_>>(), [&root]);
    }
}

#[test]
fn a_root_that_is_not_there_is_the_error() {
    let dir = tree();
    let gone = dir.path().join("gone");
    let error = md5_all(&Context::background(), &gone).unwrap_err();
    assert_eq!(error.path(), Some(gone.as_path()));
    assert!(matches!(error, Error::Entry { reason: Reason::System { operation: Operation::Stat, .. }, .. }));
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotFound);
}

/// A file whose first bytes nobody can read.
#[cfg(target_os = "linux")]
#[test]
fn a_read_that_fails_is_the_error() {
    let path = Path::new("/proc/self/mem");
    let error = md5_all(&Context::background(), path).unwrap_err();
    assert_eq!(error.path(), Some(path));
    let text = "/proc/self/mem: cannot read: Input/output error";
    assert_eq!(error.to_string(), text);
}

#[test]
fn the_first_failure_stops_the_rest() {
    let dir = tree();
    symlink("gone", dir.path().join("sub/broken")).unwrap();
    let options = Options::new([dir.path()]).links(Links::Follow).fail_fast(true);
    let mut records = hash_trees(&Context::background(), options);
    let error = records.find_map(Result::err).unwrap();
    assert_eq!(error.path(), Some(dir.path().join("sub/broken").as_path()));
    assert!(records.next().is_none());
}

#[test]
fn a_cancelled_context_stops_it() {
    let dir = tree();
    let (ctx, cancel) = Context::background().with_cancel();
    cancel.cancel();
    let error = md5_all(&ctx, dir.path()).unwrap_err();
    assert!(matches!(error, Error::Stopped(_)), "{error:?}");
    assert_eq!(error.path(), None);
}

#[test]
fn cancelling_half_way_ends_the_records_with_that() {
    let dir = crowd();
    let (ctx, cancel) = Context::background().with_cancel();
    let mut records = hash_trees(&ctx, Options::new([dir.path()]));
    records.next().unwrap().unwrap();
    cancel.cancel();
    let error = records.find_map(Result::err).unwrap();
    assert!(matches!(error, Error::Stopped(_)), "{error:?}");
    assert!(records.next().is_none());
}

#[test]
fn problems_are_records_in_their_place() {
    let dir = tree();
    symlink("gone", dir.path().join("broken")).unwrap();
    let excluded = fs::metadata(dir.path().join("abc")).unwrap();
    let options = Options::new([dir.path()]).links(Links::Follow).exclude([FileId::from(&excluded)]);
    let mut outcomes = Vec::new();
    for record in hash_trees(&Context::background(), options) {
        let record = record.unwrap();
        let path = record.path();
        let outcome = match record.outcome() {
            Outcome::Hashed(_) => "hashed",
            Outcome::Skipped(Skip::Excluded) => "excluded",
            Outcome::Failed(_) => "failed",
            other => panic!("{other:?}"),
        };
        let name = path.strip_prefix(&dir).unwrap().to_str().unwrap();
        outcomes.push((name.to_owned(), outcome));
    }
    let row = |name: &str, outcome| (name.to_owned(), outcome);
    assert_eq!(
        outcomes,
        [
            row(".hidden", "hashed"),
            row("abc", "excluded"),
            row("broken", "failed"),
            row("link", "excluded"),
            row("sub/empty", "hashed"),
        ]
    );
}

#[test]
fn letting_go_of_the_records_stops_the_work() {
    let dir = crowd();
    // To hash this one takes half an hour.
    fs::File::create(dir.path().join("zzz")).unwrap().set_len(1 << 40).unwrap();
    // Further names of it wait.
    for index in 0..100 {
        fs::hard_link(dir.path().join("zzz"), dir.path().join(format!("zzz{index}"))).unwrap();
    }
    let mut records = hash_trees(&Context::background(), Options::new([dir.path()]));
    assert!(records.next().unwrap().is_ok());
    drop(records);
}

/// A file is read, for half an hour, and its other names wait for it with tickets, which are lost with the first failure:
/// that is what the caller gets, and not what becomes of them.
#[test]
fn the_first_failure_is_the_error_whatever_waits() {
    let dir = tempfile::tempdir().unwrap();
    let (tree, gone) = (dir.path().join("tree"), dir.path().join("zzz"));
    fs::create_dir(&tree).unwrap();
    fs::File::create(tree.join("0")).unwrap().set_len(1 << 40).unwrap();
    for index in 1..100 {
        fs::hard_link(tree.join("0"), tree.join(index.to_string())).unwrap();
    }
    for (round, mode) in [None, Some(Mode::Net)].into_iter().cycle().take(20).enumerate() {
        let jobs = NonZeroUsize::new(1 + round / 2 % 3).unwrap();
        let options =
            Options::new([&tree, &gone]).jobs(jobs).devices(Devices::new(mode, None)).unordered(true).fail_fast(true);
        let errors: Vec<_> = hash_trees(&Context::background(), options).filter_map(Result::err).collect();
        let [Error::Entry { path, reason }] = &errors[..] else { panic!("{mode:?}, {jobs} jobs: {errors:?}") };
        assert_eq!((path, reason.to_string().as_str()), (&gone, "cannot stat: No such file or directory"));
    }
}

/// What Cargo would build: for a library build, and with the feature that is the program.
fn dependencies(flags: &[&str]) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args([
        "tree",
        "--offline",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--no-default-features",
    ]);
    let output = cargo.args(flags).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Command lines, signals, terminals, and what derives code for those alone.
#[test]
fn a_build_without_the_program_has_nothing_of_it() {
    const PROGRAM: [&str; 10] = [
        "clap",
        "clap_builder",
        "clap_derive",
        "signal-hook",
        "serde_derive",
        "terminal_size",
        "anstream",
        "console",
        "crossterm",
        "indicatif",
    ];
    let of_program =
        |found: Vec<String>| found.iter().filter(|name| PROGRAM.contains(&name.as_str())).cloned().collect();
    let (library, with_parquet, program): (Vec<String>, Vec<String>, Vec<String>) = (
        of_program(dependencies(&[])),
        of_program(dependencies(&["--features", "parquet"])),
        of_program(dependencies(&["--features", "cli"])),
    );
    assert_eq!((library, with_parquet), (vec![], vec![]));
    assert!(["clap", "signal-hook"].iter().all(|name| program.iter().any(|found| found == name)), "{program:?}");
}

#[test]
fn what_a_manifest_is_to_say_of_each_file() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let (abc, other) = ("900150983cd24fb0d6963f7d28e17f72", "d41d8cd98f00b204e9800998ecf8427e");
    let list = format!("{other}  changed\n{other}  gone\n{abc}  same\n");
    for name in ["changed", "new", "same"] {
        fs::write(tree.join(name), "abc").unwrap();
    }
    for prune in [false, true] {
        let mut reader = Reader::new(list.as_bytes(), Format::Gnu, LineEnd::Newline);
        let listed = Inventory::read(&mut reader, Some(&tree)).unwrap();
        let mut new = Writer::new(Vec::new(), Layout::from(Format::Gnu));
        update(&Context::background(), &listed, Options::new([""; 0]), false, |change| {
            let Some(hashed) = change.to_list(prune) else { return Ok::<_, Box<dyn std::error::Error>>(()) };
            Ok(new.write(change.name, &hashed)?)
        })
        .unwrap();
        let gone = if prune { String::new() } else { format!("{other}  gone\n") };
        let expected = format!("{abc}  changed\n{gone}{abc}  new\n{abc}  same\n");
        assert_eq!(String::from_utf8(new.finish().unwrap()).unwrap(), expected);
    }
}

#[test]
fn a_replacement_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (dir.path().join("list"), dir.path().join("link"));
    symlink("list", &link).unwrap();
    for (old, new) in [(None, "one"), (Some("one"), "two")] {
        let mut given_up = Replacement::of(&link).unwrap();
        given_up.write_all(b"nothing").unwrap();
        assert_eq!(given_up.files().len(), 1 + usize::from(old.is_some()));
        drop(given_up);
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), old);

        let mut committed = Replacement::of(&link).unwrap();
        committed.write_all(new.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), old);
        committed.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), new);
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2);
    for no_file in [dir.path(), Path::new("/dev/null")] {
        assert_eq!(Replacement::of(no_file).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
