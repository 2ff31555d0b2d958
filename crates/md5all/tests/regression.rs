//! Faults that were found by reading and by trying, each with its story.

#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use harness::{finish, md5, plant, run};
use tempfile::tempdir;

#[allow(dead_code, reason = "shared with the program's other tests, each of which uses a part")]
#[path = "program/harness.rs"]
mod harness;

/// A list that ends its lines with NUL was taken for its first line: the other entries were neither missed nor kept.
#[test]
fn a_list_that_ends_its_lines_with_nul_is_not_taken_for_its_first_line() {
    let dir = tempdir().unwrap();
    for name in ["t/a", "t/b", "t/c"] {
        plant(dir.path(), name.as_ref(), name.as_bytes());
    }
    assert_eq!(run(dir.path(), &["-z", "-o", "list", "t"]).code, Some(0));
    let list = fs::read(dir.path().join("list")).unwrap();
    fs::remove_file(dir.path().join("t/b")).unwrap();
    for arguments in [&["audit", "list", "t"][..], &["diff", "list", "t"], &["update", "list", "t"]] {
        assert_eq!(run(dir.path(), arguments).code, Some(2), "{arguments:?}");
    }
    assert_eq!(fs::read(dir.path().join("list")).unwrap(), list);
}

/// What a list without entries has digests of was nothing, and so were the digests of what was added to it.
#[test]
fn a_manifest_without_entries_is_brought_up_to_date_with_digests() {
    for (format, algorithm) in
        [("gnu", "md5"), ("bsd", "md5"), ("hashdeep", "sha256"), ("csv", "sha256"), ("ndjson", "md5")]
    {
        let dir = tempdir().unwrap();
        fs::create_dir(dir.path().join("t")).unwrap();
        assert_eq!(
            run(dir.path(), &["-a", algorithm, "--format", format, "-o", "list", "t"]).code,
            Some(0),
            "{format}"
        );
        plant(dir.path(), "t/a".as_ref(), b"a");
        let updated = run(dir.path(), &["update", "--format", format, "list", "t"]);
        assert_eq!(updated.code, Some(0), "{format}: {}", updated.stderr);
        let audited = run(dir.path(), &["audit", "--format", format, "list", "t"]);
        assert_eq!(audited.code, Some(0), "{format}: {}", audited.stderr);
        assert!(audited.text().starts_with("summary: 1 ok, 0 "), "{format}");
    }
}

/// How the first name is spelt was put before all of them, and made others of some.
#[test]
fn names_that_are_kept_keep_their_spelling() {
    let abc = md5(b"abc");
    for (first, second, kept) in [
        ("./t/a", "/elsewhere/x", ["./t/a", "/elsewhere/x"]),
        ("//elsewhere/x", "t/a", ["/elsewhere/x", "t/a"]),
        ("./.", "t/a", ["t/a", "t/a"]),
    ] {
        let dir = tempdir().unwrap();
        for name in ["t/a", "t/b", "t/t/a"] {
            plant(dir.path(), name.as_ref(), b"abc");
        }
        fs::write(dir.path().join("list"), format!("{abc}  {first}\n{abc}  {second}\n")).unwrap();
        run(dir.path(), &["update", "list", "t"]);
        let list = fs::read_to_string(dir.path().join("list")).unwrap();
        let names: Vec<_> = list.lines().map(|line| line.split_once("  ").unwrap().1).collect();
        assert!(kept.iter().all(|name| names.contains(name)), "{first}, {second}: {list}");
    }
}

/// A root that is a file gave an entry without a name, and a manifest that nobody could read.
#[test]
fn a_root_that_is_a_file_is_refused() {
    let dir = tempdir().unwrap();
    plant(dir.path(), "t/a".as_ref(), b"abc");
    assert_eq!(run(dir.path(), &["-o", "list", "t"]).code, Some(0));
    let list = fs::read(dir.path().join("list")).unwrap();
    for word in ["update", "audit"] {
        let ended = run(dir.path(), &[word, "list", "t/a"]);
        assert_eq!((ended.code, &ended.stderr[..]), (Some(3), "md5all: t/a: the tree must be a directory\n"));
    }
    assert_eq!(fs::read(dir.path().join("list")).unwrap(), list);
}

/// A checksum of four bytes is soon the same by chance, or by design.
#[test]
fn a_file_of_another_size_than_is_listed_is_never_the_same() {
    let dir = tempdir().unwrap();
    plant(dir.path(), "t/a".as_ref(), b"abc");
    fs::write(dir.path().join("list"), format!("path,size,md5\r\nt/a,4,{}\r\n", md5(b"abc"))).unwrap();
    let audited = run(dir.path(), &["audit", "list", "t"]);
    assert_eq!((audited.code, &audited.text()[..12]), (Some(1), "changed: t/a"));
}

/// A root that was mistyped threw away what an interrupted run had finished.
#[test]
fn a_mistyped_root_does_not_cost_the_journal() {
    let dir = tempdir().unwrap();
    plant(dir.path(), "t/a".as_ref(), b"abc");
    let journal = dir.path().join("list.journal");
    let line = "# md5all's journal: what an interrupted run has finished; --resume goes on from here\n\
                3 1 1 1 md5:900150983cd24fb0d6963f7d28e17f72 t/a\n";
    fs::write(&journal, line).unwrap();
    assert_eq!(run(dir.path(), &["--resume", "-o", "list", "tt"]).code, Some(2));
    assert_eq!(fs::read_to_string(&journal).unwrap(), line);
    assert_eq!(run(dir.path(), &["--resume", "-o", "list", "t"]).code, Some(0));
    assert!(!journal.exists());
}

/// A file was left out of the manifest for its name alone.
#[test]
fn files_that_are_merely_called_like_ours_are_listed() {
    let dir = tempdir().unwrap();
    for name in ["a", "list.facts"] {
        plant(dir.path(), name.as_ref(), name.as_bytes());
    }
    assert_eq!(run(dir.path(), &["-o", "list", "."]).code, Some(0));
    assert!(fs::read_to_string(dir.path().join("list")).unwrap().contains("./list.facts\n"));
    plant(dir.path(), "list.journal".as_ref(), b"my diary");
    let audited = run(dir.path(), &["audit", "list", "."]);
    assert_eq!((audited.code, &audited.text()[..17]), (Some(1), "new: list.journal"));
}

/// Long names count as several in a queue, and what stands for that came out as files of their own.
#[test]
fn names_of_every_length_are_summed_once() {
    let dir = tempdir().unwrap();
    let long = ["x".repeat(200), "y".repeat(200), "z".repeat(200)].join("/");
    plant(dir.path(), format!("{long}/f").as_ref(), b"abc");
    let tool = dir.path().join("md5sum");
    symlink(env!("CARGO_BIN_EXE_md5all"), &tool).unwrap();
    let summed = finish(Command::new(&tool).current_dir(dir.path()).arg(format!("{long}/f")));
    assert_eq!((summed.code, &summed.stderr[..]), (Some(0), ""));
    assert_eq!(summed.text(), format!("{}  {long}/f\n", md5(b"abc")));
    let bag = dir.path().join(&long);
    let made = run(dir.path(), &["bag", "create", bag.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let verified = run(dir.path(), &["bag", "verify", bag.to_str().unwrap()]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
}
