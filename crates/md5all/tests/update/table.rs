//! What was done to a tree, and what comes of it: one row each.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use crate::harness::*;
use crate::settled::*;

const FILES: [&str; 5] = ["t/a", "t/b", "t/d/x", "t/d/y", "t/e"];

struct Row {
    what: &'static str,
    edit: fn(&Path),
    flags: &'static [&'static str],
    /// Lines on standard output.
    said: &'static str,
    code: i32,
    /// How many files were not read again.
    taken: u64,
    /// Whether the manifest is then that of the tree as it is; if not, it is as it was.
    is_of_tree: bool,
}

const ROWS: &[Row] = &[
    Row {
        what: "nothing",
        edit: |_| (),
        flags: &[],
        said: "summary: 5 the same\n",
        code: 0,
        taken: 5,
        is_of_tree: true,
    },
    Row {
        what: "a file was added",
        edit: |dir| fs::write(dir.join("t/c"), "c").unwrap(),
        flags: &[],
        said: "new: t/c\nsummary: 5 the same, 1 new\n",
        code: 0,
        taken: 5,
        is_of_tree: true,
    },
    Row {
        what: "a directory was added, last of all",
        edit: |dir| plant(dir, "t/z/z".as_ref(), b"z"),
        flags: &[],
        said: "new: t/z/z\nsummary: 5 the same, 1 new\n",
        code: 0,
        taken: 5,
        is_of_tree: true,
    },
    Row {
        what: "a file was written to",
        edit: |dir| fs::write(dir.join("t/d/x"), "other").unwrap(),
        flags: &[],
        said: "changed: t/d/x\nsummary: 4 the same, 1 changed\n",
        code: 0,
        taken: 4,
        is_of_tree: true,
    },
    Row {
        what: "the same contents were written again",
        edit: |dir| fs::write(dir.join("t/a"), "t/a").unwrap(),
        flags: &[],
        said: "summary: 5 the same\n",
        code: 0,
        taken: 4,
        is_of_tree: true,
    },
    Row {
        what: "touched to another time",
        edit: |dir| {
            let file = File::options().write(true).open(dir.join("t/a")).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        },
        flags: &[],
        said: "summary: 5 the same\n",
        code: 0,
        taken: 4,
        is_of_tree: true,
    },
    Row {
        what: "another file was renamed over it",
        edit: |dir| {
            fs::write(dir.join("new"), "new").unwrap();
            fs::rename(dir.join("new"), dir.join("t/a")).unwrap();
        },
        flags: &[],
        said: "changed: t/a\nsummary: 4 the same, 1 changed\n",
        code: 0,
        taken: 4,
        is_of_tree: true,
    },
    Row {
        what: "moved: missing here and new there",
        edit: |dir| fs::rename(dir.join("t/a"), dir.join("t/f")).unwrap(),
        flags: &["--prune"],
        said: "missing: t/a\nnew: t/f\nsummary: 4 the same, 1 new, 1 missing (dropped)\n",
        code: 0,
        taken: 4,
        is_of_tree: true,
    },
    Row {
        what: "a file was removed, and is kept",
        edit: |dir| fs::remove_file(dir.join("t/d/x")).unwrap(),
        flags: &[],
        said: "missing: t/d/x\nsummary: 4 the same, 1 missing (kept)\n",
        code: 1,
        taken: 4,
        is_of_tree: false,
    },
    Row {
        what: "all files were removed, and are kept",
        edit: |dir| {
            fs::remove_dir_all(dir.join("t")).unwrap();
            fs::create_dir(dir.join("t")).unwrap();
        },
        flags: &[],
        said: "missing: t/a\nmissing: t/b\nmissing: t/d/x\nmissing: t/d/y\nmissing: t/e\nsummary: 0 the same, 5 missing (kept)\n",
        code: 1,
        taken: 0,
        is_of_tree: false,
    },
    Row {
        what: "a FIFO, a link and a directory took the places of files",
        edit: |dir| {
            for name in ["a", "b", "e"] {
                fs::remove_file(dir.join("t").join(name)).unwrap();
            }
            fifo(&dir.join("t/a"));
            std::os::unix::fs::symlink("d/x", dir.join("t/b")).unwrap();
            plant(dir, "t/e/e".as_ref(), b"e");
        },
        flags: &["--prune"],
        said: "missing: t/a\nmissing: t/b\nmissing: t/e\nnew: t/e/e\nsummary: 2 the same, 1 new, 3 missing (dropped)\n",
        code: 0,
        taken: 2,
        is_of_tree: true,
    },
    Row {
        what: "a directory became a file",
        edit: |dir| {
            fs::remove_dir_all(dir.join("t/d")).unwrap();
            fs::write(dir.join("t/d"), "d").unwrap();
        },
        flags: &["--prune"],
        said: "new: t/d\nmissing: t/d/x\nmissing: t/d/y\nsummary: 3 the same, 1 new, 2 missing (dropped)\n",
        code: 0,
        taken: 3,
        is_of_tree: true,
    },
    Row {
        what: "nothing, and all is read",
        edit: |_| (),
        flags: &["--verify"],
        said: "summary: 5 the same\n",
        code: 0,
        taken: 0,
        is_of_tree: true,
    },
    Row {
        what: "permissions were changed, which is seen and does no harm",
        edit: |dir| fs::set_permissions(dir.join("t/a"), Permissions::from_mode(0o600)).unwrap(),
        flags: &[],
        said: "summary: 5 the same\n",
        code: 0,
        taken: 4,
        is_of_tree: true,
    },
];

#[test]
fn a_table_of_situations() {
    for Row { what, edit, flags, said, code, taken, is_of_tree } in ROWS {
        let dir = kept(&FILES);
        let before = list(dir.path());
        edit(dir.path());
        settle(dir.path());
        let ended = run(dir.path(), &[&["update", "-v", "list", "t"], *flags].concat());
        let of_tree = format!("{taken} {} taken over", if *taken == 1 { "file was" } else { "files were" });
        assert!(ended.stderr.contains(&of_tree), "{what}: {ended:?}");
        assert_eq!(ended.code, Some(*code), "{what}");
        assert_eq!(ended.text(), *said, "{what}");
        let expected = if *is_of_tree { oracle(dir.path(), "t") } else { before };
        assert_eq!(list(dir.path()), expected, "{what}");

        // Once more, and nothing is to be read or written.
        let written = [list(dir.path()), sidecar(dir.path())];
        let files = |name: &str| fs::metadata(dir.path().join(name)).unwrap().modified().unwrap();
        let times = [files("list"), files("list.facts")];
        let again = run(dir.path(), &["update", "-v", "list", "t"]);
        let there = oracle(dir.path(), "t").lines().count();
        assert!(again.stderr.contains(&format!("{there} file")), "{what}: {again:?}");
        assert_eq!([list(dir.path()), sidecar(dir.path())], written, "{what}");
        assert_eq!([files("list"), files("list.facts")], times, "{what}");
        assert!(!dir.path().join("list.journal").exists());
    }
}

/// As an audit has it: whoever has written to it has put the time back, or nobody has.
#[test]
fn other_contents_of_the_same_size_and_time_are_corrupt() {
    let dir = kept(&FILES);
    let before = list(dir.path());
    contents_but_not_time(&dir.path().join("t/a"), "t/A");
    settle(dir.path());
    for _ in 0..2 {
        let ended = run(dir.path(), &["update", "list", "t"]);
        assert_eq!((ended.code, &ended.text()[..]), (Some(1), "corrupt: t/a\nsummary: 4 the same, 1 corrupt\n"));
        assert_eq!(list(dir.path()), before);
    }
}

/// What no fact shows is found by reading: the sidecar is made to say what the file system says of the damaged file.
#[test]
fn contents_that_differ_though_no_fact_does_are_corrupt() {
    let dir = kept(&FILES);
    let (before, facts) = (list(dir.path()), sidecar(dir.path()));
    contents_but_not_time(&dir.path().join("t/a"), "t/A");
    settle(dir.path());
    // What the damage is like for whoever looks at the facts alone.
    run(dir.path(), &["-o", "now", "--facts", "t"]).clean();
    let now = fs::read_to_string(dir.path().join("now.facts")).unwrap().replace(&md5(b"t/A"), &md5(b"t/a"));
    assert_ne!(now, facts);
    fs::write(dir.path().join("list.facts"), &now).unwrap();
    fs::remove_file(dir.path().join("now")).unwrap();
    fs::remove_file(dir.path().join("now.facts")).unwrap();

    assert_eq!(run(dir.path(), &["update", "list", "t"]).clean(), "summary: 5 the same\n");
    let ended = run(dir.path(), &["update", "--verify", "list", "t"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));
    assert_eq!(ended.text(), "corrupt: t/a\nsummary: 4 the same, 1 corrupt\n");
    // The facts are kept, and the file in doubt: see `doubt`.
    let doubt = |line: &str| match *line.split(' ').collect::<Vec<_>>() {
        [size, modified, _, inode, checksums, "t/a"] => format!("{size} {modified} - {inode} {checksums} t/a\n"),
        _ => format!("{line}\n"),
    };
    let doubted: String = now.lines().map(doubt).collect();
    assert_ne!(doubted, now);
    assert_eq!((list(dir.path()), sidecar(dir.path())), (before, doubted));
}

/// Same size, same time of modification, and written in the tick in which it was hashed, or just before, or just after.
#[test]
fn what_changes_within_a_tick_is_never_missed() {
    let dir = in_memory();
    plant(dir.path(), "t/a".as_ref(), b"000a");
    run(dir.path(), &["-o", "list", "--facts", "t"]).clean();
    for round in 0..60 {
        let contents = format!("{round:03}a");
        contents_but_not_time(&dir.path().join("t/a"), &contents);
        let ended = run(dir.path(), &["update", "list", "t"]);
        assert_eq!(ended.code, Some(0));
        contents_but_not_time(&dir.path().join("t/a"), &contents.replace('a', "b"));
        run(dir.path(), &["update", "list", "t"]).clean();
        assert_eq!(list(dir.path()), oracle(dir.path(), "t"), "round {round}");
    }
}

#[test]
fn what_may_not_be_read_keeps_its_entry_and_is_told() {
    let dir = kept(&FILES);
    let before = list(dir.path());
    for (name, mode) in [("t/a", 0), ("t/d", 0)] {
        fs::set_permissions(dir.path().join(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::write(dir.path().join("t/b"), "other").unwrap();
    // Whoever updates must be able to write beside the manifest.
    let Some((_keep, mut command)) = unprivileged(dir.path()) else { return };
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let ended = finish(command.args(["update", "--prune", "list", "t"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("t/a: cannot open: Permission denied"), "{ended:?}");
    assert!(ended.stderr.contains("t/d: cannot open directory: Permission denied"), "{ended:?}");
    let said = "unreadable: t/a\nchanged: t/b\nunreadable: t/d\nunreadable: t/d/x\nunreadable: t/d/y\nsummary: 1 the same, 1 changed, 4 unreadable\n";
    assert_eq!(ended.text(), said);
    assert_eq!(list(dir.path()), before.replace(&md5(b"t/b"), &md5(b"other")));
    fs::set_permissions(dir.path().join("t/d"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_root_that_is_not_there_loses_no_entry() {
    let dir = kept(&FILES);
    let before = list(dir.path());
    fs::rename(dir.path().join("t"), dir.path().join("elsewhere")).unwrap();
    let ended = run(dir.path(), &["update", "--prune", "list", "t"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("t: cannot stat: No such file or directory"), "{ended:?}");
    assert_eq!(list(dir.path()), before);
}

/// Where names are relative to it, it would have an empty one.
#[test]
fn a_root_that_is_not_there_is_told_as_it_was_given() {
    let dir = kept(&FILES);
    let before = list(dir.path());
    let ended = run(dir.path(), &["update", "list", "nope"]);
    assert_eq!(ended.stderr, "md5all: nope: cannot stat: No such file or directory\n");
    assert_eq!(ended.code, Some(2));
    let text = ended.text();
    assert!(text.starts_with("unreadable: nope\n"), "{text}");
    assert_eq!(list(dir.path()), before);
}
