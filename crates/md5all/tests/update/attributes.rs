//! What is kept with the files themselves, for those who ask for it.

use std::fs::{self, File};
use std::path::Path;

use rustix::fs::{IFlags, getxattr, ioctl_getflags, ioctl_setflags};
use tempfile::TempDir;

use crate::harness::*;
use crate::settled::*;

const FILES: [&str; 2] = ["t/a", "t/b"];

/// Files with a manifest and no sidecar, where they may have attributes.
fn listed() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    FILES.iter().for_each(|file| plant(dir.path(), file.as_ref(), file.as_bytes()));
    settle(dir.path());
    run(dir.path(), &["-o", "list", "t"]).clean();
    dir
}

fn attribute(path: &Path) -> Option<String> {
    let mut value = [0; 1000];
    let length = getxattr(path, "user.md5all", &mut value[..]).ok()?;
    Some(String::from_utf8(value[..length].to_vec()).unwrap())
}

fn expected(path: &Path, contents: &str) -> Option<String> {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    Some(format!("{} {modified} md5:{}", contents.len(), md5(contents.as_bytes())))
}

fn said(ended: &Run) -> (Option<i32>, &str) {
    (ended.code, str::from_utf8(&ended.stdout).unwrap())
}

#[test]
fn only_what_is_asked_for_is_kept_with_files() {
    let dir = listed();
    let paths = FILES.map(|file| dir.path().join(file));
    let modified = paths.each_ref().map(|path| fs::metadata(path).unwrap().modified().unwrap());
    run(dir.path(), &["update", "list", "t"]).clean();
    run(dir.path(), &["audit", "list", "t"]).clean();
    assert_eq!(paths.each_ref().map(|path| attribute(path)), [None, None]);
    assert_eq!(run(dir.path(), &["update", "--xattr", "list", "t"]).clean(), "summary: 2 the same\n");
    assert_eq!(paths.each_ref().map(|path| fs::metadata(path).unwrap().modified().unwrap()), modified);
    for (path, contents) in paths.iter().zip(FILES) {
        assert_eq!(attribute(path), expected(path, contents));
    }
    fs::write(&paths[0], "other").unwrap();
    settle(dir.path());
    assert_eq!(
        run(dir.path(), &["update", "--xattr", "list", "t"]).clean(),
        "changed: t/a\nsummary: 1 the same, 1 changed\n"
    );
    assert_eq!(attribute(&paths[0]), expected(&paths[0], "other"));
}

#[test]
fn contents_that_are_not_what_their_attribute_says_are_corrupt() {
    for (flags, has_attribute) in [(&["update", "list", "t"][..], false), (&["update", "--xattr", "list", "t"], true)] {
        let dir = listed();
        let good = list(dir.path());
        run(dir.path(), flags).clean();
        fs::remove_file(dir.path().join("list.facts")).unwrap();
        contents_but_not_time(&dir.path().join("t/a"), "x/a");
        let ended = run(dir.path(), &["update", "--xattr", "list", "t"]);
        if !has_attribute {
            assert_eq!(said(&ended), (Some(0), "changed: t/a\nsummary: 1 the same, 1 changed\n"));
            continue;
        }
        // Nor does it become good by being left alone, with or without its attribute.
        settle(dir.path());
        for ended in
            [ended, run(dir.path(), &["update", "list", "t"]), run(dir.path(), &["update", "--xattr", "list", "t"])]
        {
            assert_eq!(said(&ended), (Some(1), "corrupt: t/a\nsummary: 1 the same, 1 corrupt\n"), "{ended:?}");
        }
        assert_eq!(list(dir.path()), good);
        assert_eq!(attribute(&dir.path().join("t/a")), expected(&dir.path().join("t/a"), "t/a"));
    }
}

#[test]
fn what_was_given_an_attribute_is_read_once_more() {
    let dir = listed();
    for (flags, taken) in [(&["--xattr"][..], 0), (&[], 0), (&["--xattr"], 2), (&[], 2)] {
        settle(dir.path());
        let ended = run(dir.path(), &[&["update", "-v", "list", "t"], flags].concat());
        assert!(ended.stderr.contains(&format!("{taken} files were taken over")), "{flags:?}: {ended:?}");
    }
}

#[test]
fn files_that_cannot_have_attributes_are_told_and_listed_all_the_same() {
    let dir = listed();
    for file in FILES {
        let file = File::open(dir.path().join(file)).unwrap();
        if let Err(error) = ioctl_getflags(&file).and_then(|flags| ioctl_setflags(&file, flags | IFlags::IMMUTABLE)) {
            eprintln!("SKIPPED: no file can be made immutable here: {error}");
            return;
        }
    }
    let ended = run(dir.path(), &["update", "--xattr", "list", "t"]);
    for file in FILES {
        let file = File::open(dir.path().join(file)).unwrap();
        ioctl_setflags(&file, ioctl_getflags(&file).unwrap() - IFlags::IMMUTABLE).unwrap();
    }
    assert_eq!(said(&ended), (Some(0), "summary: 2 the same\n"));
    let told = "md5all: t/a: cannot write its attribute user.md5all: Operation not permitted (os error 1)\n\
                md5all: 2 files could not be given an attribute\n";
    assert_eq!(ended.stderr, told);
}
