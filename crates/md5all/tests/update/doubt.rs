//! What was found corrupt, and what becomes of it later.

use std::fs::{self, File};
use std::time::SystemTime;

use tempfile::TempDir;

use crate::harness::*;
use crate::settled::*;

const FILES: [&str; 4] = ["t/a", "t/b", "t/d/x", "t/d/y"];

/// A tree and its manifest, with damage to `t/b` that no fact shows, not even the change time: the facts that are kept are
/// made those of the damaged file.
fn damaged(format: &str) -> TempDir {
    let dir = in_memory();
    FILES.iter().for_each(|file| plant(dir.path(), file.as_ref(), file.as_bytes()));
    settle(dir.path());
    contents_but_not_time(&dir.path().join("t/b"), "t/B");
    settle(dir.path());
    run(dir.path(), &["-o", "list", "--facts", "--format", format, "t"]).clean();
    for name in names_in(dir.path()).into_iter().filter(|name| name != "t") {
        let text = fs::read_to_string(dir.path().join(&name)).unwrap();
        fs::write(dir.path().join(&name), text.replace(&md5(b"t/B"), &md5(b"t/b"))).unwrap();
    }
    dir
}

fn update(dir: &TempDir, flags: &[&str]) -> (Option<i32>, String) {
    let ended = run(dir.path(), &[&["update", "list", "t"], flags].concat());
    assert_eq!(ended.stderr, "");
    (ended.code, ended.text())
}

fn says(code: i32, text: &str) -> (Option<i32>, String) {
    (Some(code), text.to_owned())
}

/// In each format, as it was found corrupt.
fn each(check: impl Fn(&str, TempDir)) {
    for format in ["gnu", "hashdeep", "csv", "ndjson"] {
        let dir = damaged(format);
        assert_eq!(update(&dir, &[]), says(0, "summary: 4 the same\n"), "{format}: nobody has looked");
        assert_eq!(update(&dir, &["--verify"]), says(1, "corrupt: t/b\nsummary: 3 the same, 1 corrupt\n"), "{format}");
        assert!(list(dir.path()).contains(&md5(b"t/b")), "{format}: its entry stays");
        check(format, dir);
    }
}

#[test]
fn what_was_found_corrupt_is_not_counted_as_good_again() {
    each(|format, dir| {
        let kept = list(dir.path());
        for flags in [&[][..], &["--verify"], &[]] {
            assert_eq!(update(&dir, flags), says(1, "corrupt: t/b\nsummary: 3 the same, 1 corrupt\n"), "{format}");
            assert_eq!(list(dir.path()), kept, "{format}");
        }
        let ended = run(dir.path(), &["audit", "list", "t"]);
        assert_eq!(ended.code, Some(1), "{format}");
        assert!(ended.text().starts_with("corrupt: t/b\n"), "{format}: audit says the same");
        // What is written anew for other reasons, before it and after it, has it still.
        for (file, said) in [("t/a1", "new: t/a1\ncorrupt: t/b\n"), ("t/z", "corrupt: t/b\nnew: t/z\n")] {
            plant(dir.path(), file.as_ref(), b"new");
            settle(dir.path());
            assert!(update(&dir, &[]).1.starts_with(said), "{format}");
        }
        assert_eq!(update(&dir, &[]), says(1, "corrupt: t/b\nsummary: 5 the same, 1 corrupt\n"), "{format}");
        // So it has while the file is away.
        fs::rename(dir.path().join("t/b"), dir.path().join("b")).unwrap();
        plant(dir.path(), "t/a2".as_ref(), b"new");
        assert_eq!(
            update(&dir, &[]).1,
            "new: t/a2\nmissing: t/b\nsummary: 5 the same, 1 new, 1 missing (kept)\n",
            "{format}"
        );
        fs::rename(dir.path().join("b"), dir.path().join("t/b")).unwrap();
        assert_eq!(update(&dir, &[]), says(1, "corrupt: t/b\nsummary: 6 the same, 1 corrupt\n"), "{format}");
    });
}

#[test]
fn what_was_corrupt_and_is_put_right_is_good_again() {
    each(|format, dir| {
        contents_but_not_time(&dir.path().join("t/b"), "t/b");
        settle(dir.path());
        for taken in [3, 4] {
            let ended = run(dir.path(), &["update", "-v", "list", "t"]);
            assert!(ended.stderr.contains(&format!("{taken} files were taken over")), "{format}: {ended:?}");
            assert_eq!((ended.code, ended.text().as_str()), (Some(0), "summary: 4 the same\n"), "{format}");
        }
    });
}

#[test]
fn what_was_corrupt_and_is_written_to_or_touched_has_changed() {
    each(|format, dir| {
        let file = File::options().write(true).open(dir.path().join("t/b")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        settle(dir.path());
        assert_eq!(update(&dir, &[]), says(0, "changed: t/b\nsummary: 3 the same, 1 changed\n"), "{format}");
        assert!(list(dir.path()).contains(&md5(b"t/B")), "{format}");
        assert_eq!(update(&dir, &[]), says(0, "summary: 4 the same\n"), "{format}");
    });
}
