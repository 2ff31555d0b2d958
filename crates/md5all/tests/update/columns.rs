//! Formats that have all facts in columns of their own: no sidecar, and what is believed of them.

use std::fs::{self, File};
use std::time::SystemTime;

use tempfile::TempDir;

use crate::harness::*;
use crate::settled::*;

const FORMATS: [&str; 2] = ["csv", "ndjson"];

/// A tree `t` of three files, old enough, and its manifest.
fn listed(format: &str) -> TempDir {
    let dir = in_memory();
    for file in ["t/a", "t/b", "t/c"] {
        plant(dir.path(), file.as_ref(), file.as_bytes());
    }
    settle(dir.path());
    run(dir.path(), &["-o", "list", "--facts", "--format", format, "t"]).clean();
    dir
}

/// Updates it, with so many files that are not read; what is said.
fn updated(dir: &TempDir, taken: u64) -> String {
    let ended = run(dir.path(), &["update", "-v", "list", "t"]);
    let line = format!("{taken} {} taken over", if taken == 1 { "file was" } else { "files were" });
    assert!(ended.stderr.contains(&line), "{ended:?}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(names_in(dir.path()), ["list", "t"]);
    ended.text()
}

#[test]
fn csv_and_ndjson_have_their_facts_in_their_own_columns() {
    for format in FORMATS {
        let dir = listed(format);
        let now = || run(dir.path(), &["--format", format, "t"]).clean();
        let (before, at) = (list(dir.path()), || fs::metadata(dir.path().join("list")).unwrap().modified().unwrap());
        let written = at();
        assert_eq!(updated(&dir, 3), "summary: 3 the same\n");
        assert_eq!((list(dir.path()), at()), (before, written), "{format}: it is not touched");

        let file = File::options().write(true).open(dir.path().join("t/b")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        settle(dir.path());
        assert_eq!(updated(&dir, 2), "summary: 3 the same\n");
        assert_eq!(list(dir.path()), now(), "{format}: it has the new times");
        assert_eq!(updated(&dir, 3), "summary: 3 the same\n");

        fs::write(dir.path().join("t/b"), "other").unwrap();
        fs::write(dir.path().join("t/d"), "d").unwrap();
        settle(dir.path());
        assert_eq!(updated(&dir, 2), "changed: t/b\nnew: t/d\nsummary: 2 the same, 1 new, 1 changed\n");
        assert_eq!(list(dir.path()), now());
        assert_eq!(updated(&dir, 4), "summary: 4 the same\n");
    }
}

/// They stand in the line of the checksums, and nothing else says what they belong to.
#[test]
fn facts_in_columns_hold_as_they_stand() {
    for format in FORMATS {
        let dir = listed(format);
        let good = list(dir.path());
        fs::write(dir.path().join("list"), good.replace(&md5(b"t/b"), &md5(b"x"))).unwrap();
        assert_eq!(updated(&dir, 3), "summary: 3 the same\n");
        let ended = run(dir.path(), &["update", "--verify", "list", "t"]);
        assert_eq!((ended.code, ended.text().as_str()), (Some(1), "corrupt: t/b\nsummary: 2 the same, 1 corrupt\n"));

        // Any other fact, and the file is read.
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(dir.path().join("t/b")).unwrap()).to_string();
        fs::write(dir.path().join("list"), good.replace(&inode, &format!("1{inode}"))).unwrap();
        assert_eq!(updated(&dir, 2), "summary: 3 the same\n");
        assert_eq!(list(dir.path()), good);
    }
}

/// As from another tool: without facts, and with a column that nobody here knows.
#[test]
fn what_lacks_columns_of_facts_gets_them_and_others_are_dropped() {
    let rows = [
        ("csv", format!("md5,path,note\n{},t/a,mine\n{},t/b,\n{},t/c,\n", md5(b"t/a"), md5(b"t/b"), md5(b"t/c"))),
        (
            "ndjson",
            ["t/a", "t/b", "t/c"]
                .map(|name| format!("{{\"note\":1,\"path\":\"{name}\",\"md5\":\"{}\"}}\n", md5(name.as_bytes())))
                .concat(),
        ),
    ];
    for (format, text) in rows {
        let dir = listed(format);
        let good = list(dir.path());
        fs::write(dir.path().join("list"), text).unwrap();
        assert_eq!(updated(&dir, 0), "summary: 3 the same\n", "{format}");
        assert_eq!(list(dir.path()), good);
        assert_eq!(updated(&dir, 3), "summary: 3 the same\n", "{format}");
    }
}

#[test]
fn a_sidecar_beside_them_is_neither_read_nor_written() {
    for format in FORMATS {
        for text in ["my facts of life\n", "# md5all's facts: size mtime_ns ctime_ns inode checksums path\n"] {
            let dir = listed(format);
            fs::write(dir.path().join("list.facts"), text).unwrap();
            for arguments in [&["update", "list", "t"][..], &["-o", "list", "--facts", "--format", format, "t"]] {
                run(dir.path(), arguments).clean();
                assert_eq!(sidecar(dir.path()), text);
            }
        }
    }
}

/// One of the same checksums that was left behind, and knows of an earlier time.
#[test]
fn audit_goes_by_the_columns_too() {
    for format in FORMATS {
        let dir = listed(format);
        run(dir.path(), &["-o", "other", "--facts", "t"]).clean();
        fs::rename(dir.path().join("other.facts"), dir.path().join("list.facts")).unwrap();
        let file = File::options().write(true).open(dir.path().join("t/b")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        run(dir.path(), &["-o", "list", "--format", format, "t"]).clean();
        contents_but_not_time(&dir.path().join("t/b"), "t/B");
        let ended = run(dir.path(), &["audit", "list", "t"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.text().starts_with("corrupt: t/b\n"), "{format}");
    }
}

/// Same size, same time of modification, in the tick in which it was hashed: whoever looks cannot tell.
#[test]
fn in_columns_a_change_within_a_tick_may_be_told_as_corrupt() {
    for format in FORMATS {
        let dir = in_memory();
        plant(dir.path(), "t/a".as_ref(), b"0");
        run(dir.path(), &["-o", "list", "--format", format, "t"]).clean();
        contents_but_not_time(&dir.path().join("t/a"), "1");
        let ended = run(dir.path(), &["update", "list", "t"]);
        assert_eq!((ended.code, &ended.text()[..]), (Some(1), "corrupt: t/a\nsummary: 0 the same, 1 corrupt\n"));
    }
}
