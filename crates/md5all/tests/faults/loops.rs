//! Directories that contain themselves.

use std::fs;

use crate::harness::*;
use crate::mounts::{apart, bind, unmount};

/// The one loop that needs no symbolic link. Links that loop are in `odd`.
#[test]
fn a_bind_mount_of_a_directory_into_itself_is_told_and_not_entered() {
    apart(|| {
        let dir = tree(&["t/a/f", "t/z"]);
        fs::create_dir(dir.path().join("t/a/up")).unwrap();
        bind(&dir.path().join("t"), &dir.path().join("t/a/up"));
        for flags in [&["t"][..], &["-L", "t"], &["-j", "1", "t"]] {
            let ended = run(dir.path(), flags);
            assert_eq!(ended.code, Some(2), "{flags:?}");
            assert_eq!(ended.stderr, "md5all: t/a/up: directory loop: same directory as \"t\"\n", "{flags:?}");
            assert_eq!(ended.names(), ["t/a/f", "t/z"], "{flags:?}");
        }
        unmount(&dir.path().join("t/a/up"));
    });
}

/// The same directory twice, but not in itself.
#[test]
fn a_bind_mount_beside_is_walked_like_any_directory() {
    apart(|| {
        let dir = tree(&["t/a/f", "t/z"]);
        fs::create_dir(dir.path().join("t/b")).unwrap();
        bind(&dir.path().join("t/a"), &dir.path().join("t/b"));
        for flags in [&["t"][..], &["-L", "t"]] {
            let lines = run(dir.path(), flags).clean();
            let f = md5(b"t/a/f");
            assert_eq!(lines, format!("{f}  t/a/f\n{f}  t/b/f\n{}  t/z\n", md5(b"t/z")), "{flags:?}");
        }
        unmount(&dir.path().join("t/b"));
    });
}
